import { describe, expect, it } from "vitest";
import { isResultFileOf, parseResultFile, resultFileName } from "../../daemon/migration/result-file.ts";
import { sandboxId } from "../contracts/journal.samples.ts";
import { refusalOf } from "../domain/refusal.ts";
import { cached, CID, MACVLAN, RESULT } from "./samples.ts";

const sandbox = sandboxId(CID);

describe("a result that libcni cached", () => {
  it("is read with all that it was made with", () => {
    expect(parseResultFile(cached("blue", "net1", MACVLAN, { capabilityArgs: { mac: "02:00:00:00:00:01" } }))).toEqual({
      fileName: resultFileName("blue", sandbox, "net1"),
      result: RESULT,
      ifName: "net1",
      conf: MACVLAN,
      netns: "/run/netns/pod",
      cniArgs: expect.arrayContaining(["K8S_POD_NAME=web", "MAC=02:00:00:00:00:01"]) as string[],
      capabilityArgs: '{"mac":"02:00:00:00:00:01"}',
    });
  });

  it("of a very old libcni is the result and nothing else", () => {
    const name = resultFileName("blue", sandbox, "net1");
    expect(parseResultFile({ name, text: RESULT })).toEqual({ fileName: name, result: RESULT });
  });

  it.each([
    { why: "nulls", more: { cniArgs: null, capabilityArgs: null, result: null } },
    { why: "nothing", more: { cniArgs: undefined, capabilityArgs: undefined, result: undefined } },
  ])("with $why where something could be has none of it", ({ more }) => {
    const { result, cniArgs, capabilityArgs } = parseResultFile(cached("blue", "net1", MACVLAN, more));
    expect([result, cniArgs, capabilityArgs]).toEqual([undefined, undefined, undefined]);
  });

  it.each(["", "{", "[]", '{"kind":"cniCacheV1","cniArgs":"a"}'])("that reads %j is refused", (text) => {
    expect(refusalOf(() => parseResultFile({ name: "blue", text }))).toMatchObject({ kind: "decode-failure" });
  });
});

describe("the results of a sandbox", () => {
  const short = sandboxId("abc");
  const of = (containerId: string): string => JSON.stringify({ kind: "cniCacheV1", containerId });

  it.each([
    { why: "that says so", name: "blue-abc-net1", text: of("abc"), want: true },
    { why: "that says nothing", name: "blue-abc-net1", text: RESULT, want: true },
    { why: "that is torn", name: "blue-abc-net1", text: "{", want: true },
    {
      why: "of another sandbox, whose network has such a name",
      name: "x-abc-y-def-net1",
      text: of("def"),
      want: false,
    },
    { why: "of another sandbox", name: "blue-abcd-net1", text: of("abcd"), want: false },
  ])("a file $why: $want", ({ name, text, want }) => {
    expect(isResultFileOf(short, { name, text })).toBe(want);
  });
});
