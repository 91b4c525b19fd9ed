/** JSON as people and programs write it: odd whitespace, numbers too big for a double, escapes, keys that objects treat specially. */
import fc from "fast-check";

const blank = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 });

const stringText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }).map((text) => JSON.stringify(text)),
  fc
    .string({ unit: fc.constantFrom("{", "}", "[", "]", ",", ":", "\\", '"', " ", "x"), maxLength: 8 })
    .map((text) => JSON.stringify(text)),
  fc.constantFrom('"\\u0041"', '"\\/"', '"\\ud83d\\ude00"', '"\\\\"', '"\\""', '""'),
);

/**
 * No key has a backslash in it: once it has seen one, Node 24's JSON.parse, which tests compare with, misreads other keys
 * that are written with an escape (nodejs/node#63785). The filter can go when that is mended.
 */
const keyText = fc.oneof(
  stringText.filter((text) => !(JSON.parse(text) as string).includes("\\")),
  fc.constantFrom('"__proto__"', '"constructor"', '"10"', '"2"', '"-1"', '"\\u0061"', '"a"'),
);

const numberText = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
  fc.constantFrom(
    "0",
    "-0",
    "1.50",
    "1E+2",
    "123456789012345678901234567890",
    "0.1000000000000000055511151231257827",
    "1e400",
  ),
);

function around(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(blank, text, blank).map((parts) => parts.join(""));
}

const { value } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("true", "false", "null"),
    numberText,
    stringText,
    tie("array"),
    tie("object"),
  ),
  array: fc.array(around(tie("value")), { maxLength: 4 }).map((elements) => `[${elements.join(",")}]`),
  object: fc
    .array(fc.tuple(around(keyText), around(tie("value"))), { maxLength: 4 })
    .map((members) => `{${members.map((member) => member.join(":")).join(",")}}`),
}));

/** The text of one value, without blanks around it. */
export const jsonValue: fc.Arbitrary<string> = value;

/** The members of an object as texts, and the object's text with blanks in all places. */
export const jsonObject = fc
  .array(fc.tuple(keyText, jsonValue, blank, blank, blank, blank), { maxLength: 6 })
  .chain((members) =>
    around(
      fc.constant(`{${members.map(([key, text, a, b, c, d]) => `${a}${key}${b}:${c}${text}${d}`).join(",")}}`),
    ).map((text) => ({
      text,
      members: members.map(([key, text]) => [JSON.parse(key) as string, text] as const),
    })),
  );

/** The elements of an array as texts, and the array's text with blanks in all places. */
export const jsonArray = fc.array(fc.tuple(blank, jsonValue, blank), { maxLength: 6 }).chain((elements) =>
  around(fc.constant(`[${elements.map((parts) => parts.join("")).join(",")}]`)).map((text) => ({
    text,
    elements: elements.map(([, text]) => text),
  })),
);

/** Texts that are almost JSON: one piece of a good text replaced. */
export function spoilt(good: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(good, fc.nat(), fc.nat({ max: 3 }), fc.string({ maxLength: 3 }))
    .map(([text, seed, removed, added]) => {
      const at = seed % (text.length + 1);
      return text.slice(0, at) + added + text.slice(at + removed);
    });
}
