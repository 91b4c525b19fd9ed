import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeReply, encodeRequest } from "../../../shim/core/cni-messages.ts";
import { cniService, type CniReplyMessage, type CniRequestMessage } from "../cni-server.ts";

const { requestDeserialize, responseSerialize } = cniService["Add"] as {
  requestDeserialize: (bytes: Buffer) => CniRequestMessage;
  responseSerialize: (reply: CniReplyMessage) => Buffer;
};

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

describe("encodeRequest", () => {
  it("is read by the daemon's library as it was meant", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 300 });
    const environments = fc.record({
      containerId: text,
      netns: text,
      ifname: text,
      args: text,
      path: text,
      netnsOverride: text,
    });
    fc.assert(
      fc.property(environments, fc.uint8Array({ maxLength: 1000 }), text, (environment, config, requestId) => {
        const read = requestDeserialize(Buffer.from(encodeRequest(environment, config, requestId)));
        expect({ ...read }).toEqual({ ...environment, config: Buffer.from(config), requestId });
      }),
    );
  });

  it("writes lengths of every size", () => {
    const empty = { containerId: "", netns: "", ifname: "", args: "", path: "", netnsOverride: "" };
    for (const length of [1, 127, 128, 16383, 16384, 2_097_152]) {
      expect(requestDeserialize(Buffer.from(encodeRequest(empty, new Uint8Array(length), ""))).config).toHaveLength(
        length,
      );
    }
  });
});

describe("decodeReply", () => {
  const error = { code: 11, msg: "délégate\n", details: "\u0001🚀" };
  it.each([
    {
      why: "a result",
      bytes: responseSerialize({ result: Buffer.from("{}") }),
      expected: { kind: "result", result: Buffer.from("{}") },
    },
    { why: "an error", bytes: responseSerialize({ error }), expected: { kind: "error", error } },
    {
      why: "a result that is there but empty",
      bytes: hex("0a 00"),
      expected: { kind: "result", result: Buffer.alloc(0) },
    },
    { why: "no outcome at all", bytes: hex(""), expected: { kind: "empty" } },
    {
      why: "the last of two outcomes",
      bytes: hex("12 02 0807 0a 01 41"),
      expected: { kind: "result", result: Buffer.from("A") },
    },
    {
      why: "an error among fields of later versions, of all wire types",
      bytes: hex("18 ffffffffffffffffff01  21 0000000000000000  2d 00000000  32 01 00  12 02 0807"),
      expected: { kind: "error", error: { code: 7, msg: "", details: "" } },
    },
    {
      why: "an error without a code as an internal one",
      bytes: responseSerialize({ error: { ...error, code: 0 } }),
      expected: { kind: "error", error: { ...error, code: 999 } },
    },
    {
      why: "the largest code",
      bytes: responseSerialize({ error: { ...error, code: 0xffffffff } }),
      expected: { kind: "error", error: { ...error, code: 0xffffffff } },
    },
  ])("reads $why", ({ bytes, expected }) => {
    expect(decodeReply(bytes)).toEqual(expected);
  });

  it.each([
    { why: "a length behind the end", bytes: "0a 05 41" },
    { why: "an error that is cut off", bytes: "12 03 12 05 41" },
    { why: "a varint without end", bytes: "08 ffffffffffffffffffff 01" },
    { why: "a key that is cut off", bytes: "80" },
    { why: "field number 0", bytes: "02 00" },
    { why: "a group", bytes: "0b 0c" },
    { why: "a fixed64 that is cut off", bytes: "19 00000000" },
  ])("refuses $why", ({ bytes }) => {
    expect(decodeReply(hex(bytes))).toEqual({ kind: "malformed" });
  });

  it("never fails on any bytes", () => {
    const kinds = ["result", "error", "empty", "malformed"];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(kinds).toContain(decodeReply(bytes).kind);
      }),
      { numRuns: 3000 },
    );
  });
});
