import { describe, expect, it } from "vitest";
import { type FailedPlugin, pluginFailure } from "../../../daemon/domain/cni/plugin-failure.ts";

const exited = { how: "exited", status: 1 } as const;
const killed = { how: "killed", signal: 11 } as const;

describe("pluginFailure", () => {
  it.each<{ why: string; plugin: FailedPlugin; want: object }>([
    {
      why: "a CNI error keeps its code, message and details",
      plugin: { ending: exited, stdout: '{"code":7,"msg":"bad","details":"why"}', stderr: "noise" },
      want: { code: 7, message: "bad", details: "why" },
    },
    {
      why: "a CNI error without a code gets ours",
      plugin: { ending: exited, stdout: '{"code":0,"msg":"bad"}', stderr: "" },
      want: { code: 106, message: "bad" },
    },
    {
      why: "prose on stdout is quoted",
      plugin: { ending: exited, stdout: "oops\n", stderr: "" },
      want: {
        code: 106,
        message: 'netplugin failed (exit status 1) but its diagnostic message is no CNI error: "oops"',
      },
    },
    {
      why: "otherwise stderr is",
      plugin: { ending: exited, stdout: "", stderr: " panic: nil map\n" },
      want: { code: 106, message: 'netplugin failed (exit status 1): "panic: nil map"' },
    },
    {
      why: "one that says nothing is told by how it ended",
      plugin: { ending: killed, stdout: "", stderr: "" },
      want: { code: 106, message: "netplugin failed with no error message: signal 11" },
    },
    {
      why: "JSON that is no CNI error is prose",
      plugin: { ending: exited, stdout: '{"code":"7"}', stderr: "" },
      want: { code: 106 },
    },
  ])("$why", ({ plugin, want }) => {
    expect(pluginFailure(plugin)).toMatchObject({ kind: "delegate-failed", ...want });
  });

  it("keeps of a long CNI error what says the most, and room for more (issue 11)", () => {
    const document = { code: 7, msg: "m".repeat(3_000_000), details: "d".repeat(3_000_000) };
    const failure = pluginFailure({ ending: exited, stdout: JSON.stringify(document), stderr: "" });
    expect(failure.code).toBe(7);
    expect(failure.message).toMatch(/^m+\.\.\. \(\d+ more characters\)$/);
    expect(failure.message.length + (failure.details?.length ?? 0)).toBeLessThan(4_100);
    expect(failure.within("", { details: "update it" }).details).toMatch(/; update it$/);
  });

  it("quotes a long complaint only in part", () => {
    const { message } = pluginFailure({ ending: exited, stdout: "", stderr: "x".repeat(100_000) });
    expect(message.length).toBeLessThan(600);
  });
});
