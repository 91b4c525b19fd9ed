/** Header blocks of one connection, with the examples of RFC 7541, appendix C. */
import { describe, expect, it } from "vitest";
import { HeaderDecoder } from "../../../daemon/server/wire/header-decoder.ts";

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");

const FIRST = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const SECOND = [...FIRST, ["cache-control", "no-cache"]];
const THIRD = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/index.html"],
  [":authority", "www.example.com"],
  ["custom-key", "custom-value"],
];

describe("a header decoder", () => {
  it.each([
    {
      how: "in plain text (C.3)",
      blocks: [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
    },
    {
      how: "in Huffman code (C.4)",
      blocks: [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
    },
  ])("reads requests that refer to earlier ones, $how", ({ blocks }) => {
    const decoder = new HeaderDecoder();
    expect(blocks.map((block) => decoder.decode(hex(block)))).toEqual([FIRST, SECOND, THIRD]);
  });

  it.each([
    { what: "a header that is never indexed", block: "1001 6101 62", headers: [["a", "b"]] },
    { what: "an empty block", block: "", headers: [] },
    { what: "a smaller table", block: "20 3fe11f 82", headers: [[":method", "GET"]] },
  ])("reads $what", ({ block, headers }) => {
    expect(new HeaderDecoder().decode(hex(block))).toEqual(headers);
  });

  it("forgets what a smaller table has no room for", () => {
    const decoder = new HeaderDecoder();
    expect(decoder.decode(hex("4001 6101 62 be"))).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(decoder.decode(hex("20 82"))).toEqual([[":method", "GET"]]);
    expect(decoder.decode(hex("be"))).toBeNull();
  });

  it.each([
    { what: "index 0", block: "80" },
    { what: "an entry that is not there", block: "be" },
    { what: "a table that is larger than was granted", block: "3fe2 1f" },
    { what: "a table size inside of a block", block: "8220" },
    { what: "a string that is cut off", block: "0001 61 05 62" },
    { what: "an integer without end", block: "ffff ffff ffff ffff ff" },
    { what: "Huffman code that ends in zeroes", block: "0081 0001 62" },
  ])("refuses $what", ({ block }) => {
    expect(new HeaderDecoder().decode(hex(block))).toBeNull();
  });

  it("refuses a small block that repeats a large entry", () => {
    const large = Buffer.concat([hex("40 01 61 7f e1 1d"), Buffer.alloc(3_936, 0x62)]);
    const decoder = new HeaderDecoder();
    expect(decoder.decode(large)).toHaveLength(1);
    expect(decoder.decode(Buffer.alloc(16, 0xbe))).toHaveLength(16);
    expect(decoder.decode(Buffer.alloc(17, 0xbe))).toBeNull();
  });
});
