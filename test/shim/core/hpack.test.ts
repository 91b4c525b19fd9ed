import { describe, expect, it } from "vitest";
import { readResponseHeaders } from "../../../shim/core/hpack.ts";
import { huffmanDecode } from "../../../shim/core/huffman.ts";
import { headerBlock } from "./http2-peer.ts";

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

const nothing = { httpStatus: "", grpcStatus: "", grpcMessage: "", grpcEncoding: "" };

describe("huffmanDecode", () => {
  it.each([
    { from: "RFC 7541 C.4.1", code: "f1e3 c2e5 f23a 6ba0 ab90 f4ff", text: "www.example.com" },
    { from: "RFC 7541 C.4.2", code: "a8eb 1064 9cbf", text: "no-cache" },
    { from: "RFC 7541 C.4.3", code: "25a8 49e9 5ba9 7d7f", text: "custom-key" },
    { from: "RFC 7541 C.4.3", code: "25a8 49e9 5bb8 e8b4 bf", text: "custom-value" },
    { from: "RFC 7541 C.6.1", code: "6402", text: "302" },
    { from: "RFC 7541 C.6.1", code: "aec3 771a 4b", text: "private" },
    {
      from: "RFC 7541 C.6.1",
      code: "d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff",
      text: "Mon, 21 Oct 2013 20:13:21 GMT",
    },
    { from: "RFC 7541 C.6.1", code: "9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3", text: "https://www.example.com" },
    { from: "RFC 7541 C.6.3", code: "9bd9 ab", text: "gzip" },
    { from: "a code without padding", code: "f8", text: "&" },
    { from: "nothing", code: "", text: "" },
  ])("decodes $text ($from)", ({ code, text }) => {
    expect(Buffer.from(huffmanDecode(hex(code)) ?? "malformed").toString()).toBe(text);
  });

  it.each([
    { why: "the end-of-string symbol", code: "ffff ffff" },
    { why: "padding of 8 bits", code: "f8ff" },
    { why: "padding of more than 8 bits", code: "a8eb 1064 9cbf ff" },
    { why: "padding that is not all ones", code: "a8eb 1064 9cbe" },
  ])("refuses $why", ({ code }) => {
    expect(huffmanDecode(hex(code))).toBeNull();
  });
});

describe("readResponseHeaders", () => {
  it("reads what it writes", () => {
    const block = headerBlock([
      [":status", "200"],
      ["grpc-status", "13"],
      ["grpc-message", "x".repeat(300)],
      ["grpc-encoding", "identity"],
      ["content-type", "application/grpc"],
    ]);
    const expected = { httpStatus: "200", grpcStatus: "13", grpcMessage: "x".repeat(300), grpcEncoding: "identity" };
    expect(readResponseHeaders(block)).toEqual(expected);
  });

  it.each([
    {
      why: "RFC 7541 C.6.1, a first response with Huffman codes",
      block: "4882 6402 5885 aec3 771a 4b",
      httpStatus: "302",
    },
    { why: "a status of the static table", block: "88", httpStatus: "200" },
    { why: "the last status of the static table", block: "8e", httpStatus: "500" },
    { why: "a status that is a literal with an indexed name", block: "08 03 323031", httpStatus: "201" },
    { why: "a status that is never to be indexed", block: "18 03 323031", httpStatus: "201" },
    { why: "another entry of the static table", block: "bd", httpStatus: "" },
    { why: "a table size update to 0 at the beginning", block: "20 88", httpStatus: "200" },
    { why: "an empty block", block: "", httpStatus: "" },
  ])("reads $why", ({ block, httpStatus }) => {
    expect(readResponseHeaders(hex(block))).toEqual({ ...nothing, httpStatus });
  });

  it.each([
    { why: "index 0", block: "80" },
    { why: "an index behind the static table, for the dynamic one is empty", block: "be" },
    { why: "a name behind the static table", block: "7e 01 61" },
    { why: "a table size update to more than was announced", block: "3f e11f 88" },
    { why: "a table size update in the middle", block: "88 20" },
    { why: "a number that never ends", block: "ff 80808080808080808080808080808080" },
    { why: "a number that is too large", block: "ff ffffffffff7f" },
    { why: "a string that is cut off", block: "00 0b 67727063" },
    { why: "a value that is missing", block: "00 01 61" },
    { why: "a malformed Huffman code", block: "00 84 ffffffff 00" },
  ])("refuses $why", ({ block }) => {
    expect(readResponseHeaders(hex(block))).toBeNull();
  });
});
