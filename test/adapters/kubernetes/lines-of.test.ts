import { describe, expect, it } from "vitest";
import { linesOf } from "../../../daemon/adapters/kubernetes/lines-of.ts";

async function* chunksOf(...chunks: readonly string[]): AsyncGenerator<string> {
  yield* chunks;
}

async function linesIn(chunks: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(chunksOf(...chunks), () => undefined)) lines.push(line);
  return lines;
}

describe("linesOf", () => {
  it.each([
    { why: "a line in one chunk", chunks: ["one\n"], lines: ["one"] },
    { why: "several lines in one chunk", chunks: ["one\ntwo\n\n"], lines: ["one", "two", ""] },
    { why: "a line in many chunks", chunks: ["o", "n", "", "e", "\n"], lines: ["one"] },
    { why: "the end of one and the beginning of the next", chunks: ["on", "e\ntw", "o\n"], lines: ["one", "two"] },
    { why: "what is not ended is dropped", chunks: ["one\ntw"], lines: ["one"] },
    { why: "nothing at all", chunks: [], lines: [] },
  ])("$why", async ({ chunks, lines }) => {
    expect(await linesIn(chunks)).toEqual(lines);
  });

  it("gives up on a line that is too long to be true", async () => {
    const megabyte = "x".repeat(1024 * 1024);
    const chunks = Array.from({ length: 20 }, () => megabyte);
    await expect(linesIn(chunks)).rejects.toThrow("does not end");
  });
});
