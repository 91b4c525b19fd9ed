import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonStringAt, MAX_DEPTH, scanJson, type JsonMember } from "../../../shim/core/json-scanner.ts";
import { toUtf8 } from "../../../shim/core/utf8.ts";

function accepts(text: string): boolean {
  return scanJson(toUtf8(text)).kind === "json";
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function membersOf(text: string): readonly JsonMember[] {
  const scan = scanJson(toUtf8(text));
  if (scan.kind === "invalid") throw new Error(scan.reason);
  return scan.members;
}

/** Texts that are JSON but for a few characters. */
const almostJson = fc
  .record({
    text: fc.json({ depthSize: "small" }),
    edits: fc.array(
      fc.record({
        at: fc.nat(60),
        remove: fc.nat(2),
        insert: fc.constantFrom(
          "",
          ...Array.from('{}[]",:\\/+-.0123456789eEutrufalsn \t\n\r\u0000\u001f\u007fé\u2028\ufeff'),
        ),
      }),
      { maxLength: 4 },
    ),
  })
  .map(({ text, edits }) =>
    edits.reduce((edited, { at, remove, insert }) => edited.slice(0, at) + insert + edited.slice(at + remove), text),
  );

/** Texts made of what JSON is made of, in any order. */
const tokens = fc
  .array(
    fc.constantFrom(
      ...Array.from("{}[],:"),
      ...Array.from(" \t\n\r"),
      ...["true", "false", "null", "tru", "nul"],
      ...["0", "-0", "01", "1.", "1.5", ".5", "-", "1e5", "1E+5", "1e-5", "1e", "+1", "0x1", "1e05", "Infinity", "NaN"],
      ...[
        '""',
        '"a"',
        '"\\n"',
        '"\\x"',
        '"\\u00e9"',
        '"\\u00g9"',
        '"\\ud83d\\ude00"',
        '"\\',
        '"\n"',
        "'a'",
        "\u00a0",
        "\ufeff",
      ],
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));

describe("scanJson", () => {
  it.each([
    { why: "JSON that was changed in a few places", texts: almostJson },
    { why: "JSON's tokens in any order", texts: tokens },
    { why: "any text", texts: fc.string({ unit: "binary" }) },
  ])("accepts what JSON.parse accepts, and nothing else: $why", ({ texts }) => {
    fc.assert(
      fc.property(texts, (text) => {
        expect([text, accepts(text)]).toEqual([text, parses(text)]);
      }),
      { numRuns: 3000 },
    );
  });

  it("finds the top-level strings of an object that JSON.parse finds", () => {
    const key = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom("a", "\\", '"', "\ud800", "\udc00") }),
    );
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue()), (object) => {
        const text = JSON.stringify(object, null, 1);
        const bytes = toUtf8(text);
        const found = membersOf(text)
          .filter(({ kind }) => kind === "string")
          .map(({ key, start, end }) => [key, jsonStringAt(bytes, start, end)]);
        const parsed = Object.entries(JSON.parse(text) as Record<string, unknown>);
        const expected = parsed.filter(([, value]) => typeof value === "string");
        expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
      }),
      { numRuns: 1000 },
    );
  });

  it("says where every value is and what it is", () => {
    const text = '\n{"a": {"x":[1,{}]} ,"b":[],"c":-1.5e3,"d":true,"e":null,"f":"","a":false}';
    const found = membersOf(text).map(({ key, kind, start, end }) => [key, kind, text.slice(start, end)]);
    expect(found).toEqual([
      ["a", "object", '{"x":[1,{}]}'],
      ["b", "array", "[]"],
      ["c", "number", "-1.5e3"],
      ["d", "boolean", "true"],
      ["e", "null", "null"],
      ["f", "string", '""'],
      ["a", "boolean", "false"],
    ]);
  });

  it.each([
    { root: "array", text: '[{"name":"x"}]' },
    { root: "string", text: '"x"' },
    { root: "number", text: " 1 " },
    { root: "boolean", text: "false" },
    { root: "null", text: "null" },
  ])("knows a top-level $root, which has no members", ({ root, text }) => {
    expect(scanJson(toUtf8(text))).toEqual({ kind: "json", root, members: [] });
  });

  it.each([
    { why: "an unfinished text as such", text: '{"a":', reason: "unexpected end of JSON input" },
    { why: "nothing at all", text: "", reason: "unexpected end of JSON input" },
    { why: "where a text goes wrong, and nothing of it", text: '{"a":secret}', reason: "invalid JSON at byte 6" },
    { why: "something behind the value", text: "{} x", reason: "invalid JSON at byte 4" },
  ])("reports $why", ({ text, reason }) => {
    expect(scanJson(toUtf8(text))).toEqual({ kind: "invalid", reason });
  });

  it("takes bytes that are not UTF-8 inside a string, as Go does", () => {
    expect(scanJson(Uint8Array.of(0x22, 0xff, 0xc3, 0x22)).kind).toBe("json");
  });

  it.each([
    { open: "[", close: "]" },
    { open: '{"a":', close: "}" },
  ])("goes $open 1000 levels deep and no deeper", ({ open, close }) => {
    const nested = (levels: number): string => `${open.repeat(levels)}1${close.repeat(levels)}`;
    expect(accepts(nested(MAX_DEPTH))).toBe(true);
    expect(scanJson(toUtf8(nested(MAX_DEPTH + 1)))).toEqual({
      kind: "invalid",
      reason: "nested deeper than 1000 levels",
    });
    expect(scanJson(toUtf8(open.repeat(500_000))).kind).toBe("invalid");
  });
});
