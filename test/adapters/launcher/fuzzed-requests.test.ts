import { spawn } from "node:child_process";
import { once } from "node:events";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createReplyDecoder, encodeRequest } from "../../../daemon/adapters/launcher/wire.ts";
import type { Reply } from "../../../daemon/adapters/launcher/wire.ts";
import { LAUNCHER, makeWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
beforeAll(() => {
  bench = makeWorkbench();
});
afterAll(() => bench.clear());

/** No path of these leads anywhere, so that no case runs a program of the machine's. */
const text = fc.oneof(
  fc.constantFrom("", "/nowhere/plugin", "/nowhere/netns", "lo"),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => `/nowhere/${Buffer.from(bytes).toString("latin1")}`),
);
const edge = fc.constantFrom(0, 1, 2, 1023, 1024, 1025, 64 << 20, (64 << 20) + 1, 0x7fff_ffff, 0xffff_ffff);
const small = fc.nat(9);

/** A frame whose header may claim anything, with the length that it has or another one. */
const frame = fc
  .record({
    id: fc.oneof(small, edge),
    op: fc.oneof(small, edge),
    timeoutMs: fc.oneof(small, edge),
    maxOutput: fc.oneof(small, edge),
    strings: fc.oneof(small, edge),
    texts: fc.array(text, { maxLength: 4 }),
    lie: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -40, max: 40 })),
  })
  .map(({ id, op, timeoutMs, maxOutput, strings, texts, lie }) => {
    const body = Buffer.from(texts.map((one) => `${one}\0`).join(""), "latin1");
    const header = Buffer.alloc(24);
    const length = Math.max(0, 20 + body.length + lie);
    [length, id, op, timeoutMs, maxOutput, strings].forEach((word, i) => header.writeUInt32LE(word, i * 4));
    return Buffer.concat([header, body]);
  });

const stream = fc.oneof(
  { weight: 3, arbitrary: fc.array(frame, { minLength: 1, maxLength: 6 }).map((frames) => Buffer.concat(frames)) },
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);

/** What a launcher says of this input and how it ends. Its stdin ends right after it. */
async function feed(input: Buffer): Promise<{ status: unknown; replies: Reply[]; complaint: string }> {
  const launcher = spawn(LAUNCHER);
  const decode = createReplyDecoder();
  const replies: Reply[] = [];
  let complaint = "";
  launcher.stdout.on("data", (chunk: Buffer) => replies.push(...decode(chunk)));
  launcher.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  launcher.stdin.on("error", () => undefined); // a launcher that has refused the input reads no more
  launcher.stdin.end(input);
  const [status] = (await once(launcher, "close")) as unknown[];
  return { status, replies, complaint };
}

it("a launcher ends by itself over whatever it is sent, and says why or nothing", async () => {
  await fc.assert(
    fc.asyncProperty(stream, async (input) => {
      const { status, replies, complaint } = await feed(input);
      expect([0, 2]).toContain(status);
      expect(complaint).toMatch(status === 2 ? /^plexus-launcher: malformed request: .*\n$/ : /^$/);
      expect(replies[0]).toMatchObject({ id: 0, kind: "ready" });
      expect(replies.filter(({ kind }) => kind === "exited" || kind === "killed")).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

it("a frame that is cut off at any byte is not acted upon", async () => {
  const look = { op: "look", netns: "/nowhere", links: ["lo"], timeoutMs: 1000 } as const;
  const whole = encodeRequest(1, look);
  const cuts = Array.from(whole.keys());
  const ends = await Promise.all(cuts.map((at) => feed(whole.subarray(0, at))));
  expect(ends.map(({ status, replies }) => [status, replies.length])).toEqual(cuts.map(() => [0, 1]));
});
