import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createReplyDecoder,
  encodeCancel,
  encodeRequest,
  whyUnsendable,
} from "../../../daemon/adapters/launcher/wire.ts";
import type { Reply } from "../../../daemon/adapters/launcher/wire.ts";

/** The launcher's numbers for its replies, as its README has them. */
const KINDS = [
  "ready",
  "started",
  "exited",
  "killed",
  "timed-out",
  "cancelled",
  "too-much-output",
  "no-such-plugin",
  "cannot-execute",
  "cannot-start",
  "looked",
  "cannot-open-netns",
  "not-a-netns",
  "host-netns",
] as const;

function words(...numbers: readonly number[]): Buffer {
  const buffer = Buffer.alloc(numbers.length * 4);
  numbers.forEach((number, i) => buffer.writeUInt32LE(number, i * 4));
  return buffer;
}

function encodeReply(reply: Reply): Buffer {
  const { id, kind, code, userUs, systemUs, maxRssKib, stdout, stderr } = reply;
  const length = 28 + stdout.length + stderr.length;
  const header = words(length, id, KINDS.indexOf(kind), code, userUs, systemUs, maxRssKib, stdout.length);
  return Buffer.concat([header, stdout, stderr]);
}

const word = fc.nat(0xffff_ffff);
const output = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const reply: fc.Arbitrary<Reply> = fc.record({
  id: word,
  kind: fc.constantFrom(...KINDS),
  code: word,
  userUs: word,
  systemUs: word,
  maxRssKib: word,
  stdout: output,
  stderr: output,
});

/** Where to cut a stream, as fractions of its length. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

function pieces(stream: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.map((fraction) => Math.floor(fraction * stream.length)), stream.length].sort((a, b) => a - b);
  return ends.map((end, i) => stream.subarray(i === 0 ? 0 : ends[i - 1], end));
}

describe("replies", () => {
  it("come out as they went in, in whatever pieces they arrive", () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 8 }), cuts, (replies, at) => {
        const decode = createReplyDecoder();
        const decoded = pieces(Buffer.concat(replies.map(encodeReply)), at).flatMap(decode);
        expect(decoded).toEqual(replies);
      }),
    );
  });

  it("come out at their last byte and not before", () => {
    fc.assert(
      fc.property(reply, (one) => {
        const decode = createReplyDecoder();
        const stream = encodeReply(one);
        const counts = Array.from(stream, (_byte, i) => decode(stream.subarray(i, i + 1)).length);
        expect(counts).toEqual([...Array<number>(stream.length - 1).fill(0), 1]);
      }),
    );
  });

  it.each([
    { why: "shorter than its header", bytes: words(27, 1, 2, 0, 0, 0, 0, 0) },
    { why: "larger than any launcher makes them", bytes: words(0xffff_ffff) },
    { why: "of a kind that there is not", bytes: words(28, 1, KINDS.length, 0, 0, 0, 0, 0) },
    { why: "shorter than what it says it holds", bytes: words(28, 1, 2, 0, 0, 0, 0, 1) },
  ])("are refused when one is $why", ({ bytes }) => {
    const decode = createReplyDecoder();
    expect(() => decode(bytes)).toThrow("a reply");
  });
});

describe("requests", () => {
  it("are laid out as the launcher reads them", () => {
    const run = encodeRequest(7, {
      op: "run",
      path: "/bin/ü",
      env: { A: "1", B: "" },
      stdin: "in",
      timeoutMs: 1500,
      maxOutputBytes: 99,
    });
    const text = Buffer.from("/bin/ü\0A=1\0B=\0in");
    expect(run).toEqual(Buffer.concat([words(20 + text.length, 7, 1, 1500, 99, 3), text]));

    const look = encodeRequest(8, { op: "look", netns: "/n", links: ["lo", "net1"], timeoutMs: 10 });
    expect(look).toEqual(Buffer.concat([words(31, 8, 2, 10, 65_536, 3), Buffer.from("/n\0lo\0net1\0")]));

    const inside = encodeRequest(10, {
      op: "run-in-netns",
      netns: "/n",
      path: "/ip",
      args: ["-4", ""],
      timeoutMs: 20,
      maxOutputBytes: 5,
    });
    expect(inside).toEqual(Buffer.concat([words(31, 10, 4, 20, 5, 4), Buffer.from("/n\0/ip\0-4\0\0")]));

    const unmount = encodeRequest(11, { op: "unmount", path: "/f", timeoutMs: 30 });
    expect(unmount).toEqual(Buffer.concat([words(23, 11, 5, 30, 0, 1), Buffer.from("/f\0")]));

    expect(encodeCancel(9)).toEqual(words(20, 9, 3, 0, 0, 0));
  });

  it.each([
    { why: "it is larger than the launcher takes", stdin: 16 * 1024 * 1024, variables: 0, reason: "16777216 bytes" },
    { why: "it has more strings than the launcher takes", stdin: 0, variables: 1024, reason: "1024 environment" },
  ])("are not sent when $why", ({ stdin, variables, reason }) => {
    const env = Object.fromEntries(Array.from({ length: variables }, (_none, i) => [`V${i}`, ""]));
    const run = {
      op: "run",
      path: "/bin/true",
      env,
      stdin: "x".repeat(stdin),
      timeoutMs: 1,
      maxOutputBytes: 1,
    } as const;
    expect(whyUnsendable(encodeRequest(1, run))).toContain(reason);
    expect(whyUnsendable(encodeRequest(1, { ...run, env: {}, stdin: "" }))).toBeUndefined();
  });
});
