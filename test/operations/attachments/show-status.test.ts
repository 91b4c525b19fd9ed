import { describe, expect, it } from "vitest";
import { PlexusError } from "../../../daemon/domain/errors.ts";
import { namespace, podName } from "../../../daemon/domain/ids.ts";
import { showStatus } from "../../../daemon/operations/attachments/show-status.ts";
import { memoryStatusBoard } from "../../fakes/memory-status-board.ts";
import { sandbox } from "../stage.ts";

const pod = { namespace: namespace("shop"), name: podName("web"), uid: "uid-1", annotations: {} };
const refusal = new PlexusError("io-failure", "the API server answered 403");

async function show(
  writing: "required" | "best-effort" | "none",
  { isRefused = false, signal = new AbortController().signal } = {},
) {
  const statusBoard = memoryStatusBoard();
  if (isRefused) statusBoard.refuse(refusal);
  const warnings: string[] = [];
  const rules = { annotation: "example.org/status", writing, entriesOf: () => [] };
  const scope = { signal, warn: (message: string): void => void warnings.push(message) };
  await showStatus({ statusBoard }, { rules, sandbox, pod, status: "[]" }, scope);
  return { shown: statusBoard.shown(sandbox), annotation: statusBoard.annotationOf(sandbox), warnings };
}

describe("a network status", () => {
  it.each(["required", "best-effort"] as const)("that is %s is shown, in its annotation", async (writing) => {
    expect(await show(writing)).toEqual({ shown: "[]", annotation: "example.org/status", warnings: [] });
  });

  it("that nobody wants is not", async () => {
    expect(await show("none")).toMatchObject({ shown: undefined, warnings: [] });
  });

  it("that is required and refused is a failure (T034)", async () => {
    await expect(show("required", { isRefused: true })).rejects.toBe(refusal);
  });

  it("that is not required and refused is a warning (T39)", async () => {
    expect(await show("best-effort", { isRefused: true })).toMatchObject({
      warnings: ["attached, but writing network-status failed: the API server answered 403"],
    });
  });

  it.each(["required", "best-effort"] as const)(
    "that is %s fails once the request was given up: nobody hears of success",
    async (writing) => {
      await expect(show(writing, { signal: AbortSignal.abort() })).rejects.toMatchObject({ kind: "try-again-later" });
    },
  );
});
