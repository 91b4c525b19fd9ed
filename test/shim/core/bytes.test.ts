import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteAt, ByteReader, ByteWriter, u32At } from "../../../shim/core/bytes.ts";
import { fromUtf8, toUtf8 } from "../../../shim/core/utf8.ts";

describe("byteAt", () => {
  const bytes = Uint8Array.of(7, 8);
  it.each([
    { why: "the first byte", index: 0, expected: 7 },
    { why: "the last byte", index: 1, expected: 8 },
    { why: "-1 behind the end", index: 2, expected: -1 },
    { why: "-1 before the beginning", index: -1, expected: -1 },
  ])("gives $why", ({ index, expected }) => {
    expect(byteAt(bytes, index)).toBe(expected);
  });
});

describe("u32At", () => {
  it.each([
    { why: "a number with the highest bit set as positive", bytes: [0xff, 0xff, 0xff, 0xfe], expected: 0xfffffffe },
    { why: "too few bytes as 0", bytes: [1, 2, 3], expected: 0 },
  ])("reads $why", ({ bytes, expected }) => {
    expect(u32At(Uint8Array.from(bytes), 0)).toBe(expected);
  });
});

describe("ByteWriter", () => {
  it("keeps all that is written while it grows", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (pieces) => {
        const writer = new ByteWriter(1);
        for (const piece of pieces) writer.bytes(piece);
        expect(Buffer.from(writer.view())).toEqual(Buffer.concat(pieces));
      }),
    );
  });

  it("writes numbers big-endian", () => {
    const writer = new ByteWriter(1);
    writer.u8(0x101);
    writer.u24(0x020304);
    writer.u32(0xfffefdfc);
    writer.ascii("ab");
    expect([...writer.view()]).toEqual([1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc, 0x61, 0x62]);
  });

  it("moves the rest to the front when the first bytes are dropped", () => {
    const writer = new ByteWriter(1);
    writer.ascii("abcdefgh");
    writer.dropFirst(3);
    writer.ascii("x");
    expect(fromUtf8(writer.view())).toBe("defghx");
  });
});

describe("ByteReader", () => {
  it("fails, and yields nothing, when read past the end", () => {
    const reader = new ByteReader(Uint8Array.of(1));
    expect([reader.u8(), reader.failed]).toEqual([1, false]);
    expect([reader.u8(), reader.peek(), reader.failed]).toEqual([0, -1, true]);
  });

  it("fails when more is taken than there is", () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3));
    expect([...reader.take(2)]).toEqual([1, 2]);
    expect([reader.take(2).length, reader.failed, reader.remaining]).toEqual([0, true, 1]);
  });
});

describe("UTF-8", () => {
  it("comes back as it was, a byte order mark included", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(fromUtf8(toUtf8(text))).toBe(text);
      }),
    );
    expect(fromUtf8(toUtf8("\ufeff\ufeffa"))).toBe("\ufeff\ufeffa");
  });

  it("has U+FFFD for what is malformed", () => {
    expect(fromUtf8(Uint8Array.of(0x61, 0xff, 0xc3))).toBe("a\ufffd\ufffd");
  });
});
