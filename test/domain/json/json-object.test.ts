import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elementsOf, JsonObject, parseJson } from "../../../daemon/domain/json/json-object.ts";
import { refusalOf } from "../refusal.ts";
import { jsonArray, jsonObject, jsonValue, spoilt } from "./json-text.ts";

/** Compares as JSON, where toEqual would stumble over `__proto__`. */
function reread(text: string): string {
  return JSON.stringify(JSON.parse(text));
}

describe("JsonObject", () => {
  it("comes out JSON-equal to what went in", () => {
    fc.assert(
      fc.property(jsonObject, ({ text }) => {
        expect(reread(JsonObject.parse(text, "it").toString())).toBe(reread(text));
      }),
    );
  });

  it("keeps the order of the keys and the very text of each value; of a repeated key the last value", () => {
    fc.assert(
      fc.property(jsonObject, ({ text, members }) => {
        expect([...JsonObject.parse(text, "it").entries()]).toEqual([...new Map(members)]);
      }),
    );
  });

  it("replaces a member where it stands and touches no other", () => {
    fc.assert(
      fc.property(jsonObject, jsonValue, fc.nat(), ({ text, members }, value, seed) => {
        fc.pre(members.length > 0);
        const [key = ""] = members[seed % members.length] ?? [];
        const changed = JsonObject.parse(text, "it").with(key, value);
        expect([...changed.entries()]).toEqual([...new Map(members).set(key, value)]);
        expect(JsonObject.parse(changed.toString(), "it").text(key)).toBe(value);
      }),
    );
  });

  it("adds a member at the end, and without takes it away again", () => {
    fc.assert(
      fc.property(jsonObject, jsonValue, ({ text, members }, value) => {
        const before = JsonObject.parse(text, "it").without("new");
        const after = before.with("new", value);
        expect([...after.entries()].at(-1)).toEqual(["new", value]);
        expect(after.without("new").toString()).toBe(before.toString());
        expect(before.has("new")).toBe(false);
        expect(members.length).toBeGreaterThanOrEqual([...before.entries()].length);
      }),
    );
  });

  it.each([
    { why: "a number too big for a double", text: '{"a":123456789012345678901234567890}' },
    { why: "a number with a trailing zero", text: '{"mtu":1500.0}' },
    { why: "escapes nobody needs", text: '{"a":"\\u0041\\/"}' },
    { why: "blanks inside a value", text: '{"a":{ "b" : [ 1 , 2 ] }}' },
    { why: "brackets and quotes inside strings", text: '{"a":"}],\\"{[","b":["\\\\"]}' },
    { why: "a member named __proto__", text: '{"__proto__":{"polluted":true},"b":1}' },
    { why: "keys that look like indexes", text: '{"b":1,"10":2,"2":3}' },
    { why: "nothing at all", text: "{}" },
  ])("leaves alone $why", ({ text }) => {
    expect(JsonObject.parse(text, "it").toString()).toBe(text);
  });

  it("sees that there is nothing between braces or brackets but blanks", () => {
    expect(JsonObject.parse(" { \n} ", "it").toString()).toBe("{}");
    expect(elementsOf(" [ \t] ", "it")).toEqual([]);
  });

  it("reads keys itself, so that it is right where Node's JSON.parse is wrong about escapes (nodejs/node#63785)", () => {
    JSON.parse('{"after this key":1,"\\\\":2}');
    const members = JsonObject.parse('{"after this key":1,"\\u0062":2}', "it").entries();
    expect([...members]).toEqual([
      ["after this key", "1"],
      ["b", "2"],
    ]);
  });

  it("answers undefined for a member that is not there, even one that every object inherits", () => {
    expect(JsonObject.empty.get("constructor")).toBeUndefined();
    expect(JsonObject.empty.text("__proto__")).toBeUndefined();
  });

  it("takes a value apart that nests as deep as is allowed", () => {
    const deep = "[".repeat(99) + "]".repeat(99);
    expect(JsonObject.parse(`{"a":${deep},"b":1}`, "it").text("a")).toBe(deep);
  });

  // Everything that works on such a value later recurses, in the plugins too: error 7, not 999 (issue 11).
  it.each([
    { what: "arrays", text: `{"a":${"[".repeat(100)}${"]".repeat(100)}}` },
    { what: "objects", text: `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}` },
    {
      what: "both, behind brackets in a string",
      text: `{"[{":"]}\\\\\\"[","a":${'[{"b":'.repeat(60)}1${"}]".repeat(60)}}`,
    },
    { what: "brackets that nothing closes", text: "[".repeat(1_000_000) },
  ])("refuses deep $what", ({ text }) => {
    expect(refusalOf(() => JsonObject.parse(text, "it"))).toMatchObject({
      kind: "invalid-config",
      code: 7,
      message: "it nests more than 100 levels deep",
    });
  });

  it.each([
    { why: "exact wins, whatever the order", text: '{"name":"a","NAME":"b"}', want: '"a"' },
    { why: "otherwise the last that fits", text: '{"Name":"a","NAME":"b"}', want: '"b"' },
    { why: "none fits", text: '{"nam":"a"}', want: undefined },
  ])("reads keys in any case: $why", ({ text, want }) => {
    expect(JsonObject.parse(text, "it").textFolded("name")).toBe(want);
  });
});

describe("elementsOf", () => {
  it("keeps the very text of each element", () => {
    fc.assert(
      fc.property(jsonArray, ({ text, elements }) => {
        expect(elementsOf(text, "it")).toEqual(elements);
      }),
    );
  });
});

describe("what is not as it should be", () => {
  it("ends in a PlexusError or not at all, whatever the text", () => {
    const anything = fc.oneof(fc.string(), jsonValue, spoilt(jsonValue), spoilt(jsonObject.map(({ text }) => text)));
    fc.assert(
      fc.property(anything, (text) => {
        refusalOf(() => JsonObject.parse(text, "it").toString());
        refusalOf(() => elementsOf(text, "it"));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    { why: "text that is no JSON", read: () => JsonObject.parse("{", "the conf"), message: /^the conf is not JSON: / },
    { why: "no text", read: () => JsonObject.parse("", "the conf"), message: /^the conf is not JSON: / },
    {
      why: "an array for an object",
      read: () => JsonObject.parse("[]", "the conf"),
      message: /^the conf is not a JSON object$/,
    },
    {
      why: "null for an object",
      read: () => JsonObject.parse("null", "the conf"),
      message: /^the conf is not a JSON object$/,
    },
    {
      why: "an object for an array",
      read: () => elementsOf("{}", "the list"),
      message: /^the list is not a JSON array$/,
    },
  ])("is refused with its name: $why", ({ read, message }) => {
    const refusal = refusalOf(read);
    expect(refusal?.kind).toBe("decode-failure");
    expect(refusal?.message).toMatch(message);
  });

  it.each([
    '{"token":hunter2}',
    '{"token":"hunter2" 1}',
    "hunter2",
    '["hunter2",]',
    "{\"hunter2\":','}",
    '"hunter2',
    "'hunter2'",
  ])("is not quoted: %s", (text) => {
    const refusal = refusalOf(() => parseJson(text, "it"));
    expect(refusal?.message).toMatch(/^it is not JSON: [A-Z]/);
    expect(refusal?.message).not.toContain("unter2");
    expect(refusal?.cause).toBeUndefined();
  });
});
