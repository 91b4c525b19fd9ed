import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTkeSelections } from "../../../daemon/domain/dialect/tke-selection.ts";
import { jsonValue, spoilt } from "../json/json-text.ts";
import { refusalOf } from "../refusal.ts";

const parse = (text: string, strictCompat = false) => parseTkeSelections(text, "the annotation", strictCompat);
const short = (text: string): readonly string[] =>
  parse(text).map(({ name, interface: ifName }) => (ifName === undefined ? name : `${name}@${ifName}`));

describe("the short form", () => {
  it.each([
    { why: "names in their order (T9)", text: "a,b,c", want: ["a", "b", "c"] },
    { why: "without the blanks around them (T10)", text: " a , b ", want: ["a", "b"] },
    {
      why: "an interface behind the @ (T3)",
      text: "tke-bridge,tke-eni-cni@net0",
      want: ["tke-bridge", "tke-eni-cni@net0"],
    },
    { why: "an interface of two characters (T16)", text: "a@x1,b", want: ["a@x1", "b"] },
    { why: "a namespace that means nothing (T17)", text: "ns1/a", want: ["a"] },
    { why: "an empty name behind a trailing comma (T20)", text: "a,", want: ["a", ""] },
    { why: "empty parts are as good as none", text: "/a@,@eth1", want: ["a", "@eth1"] },
  ])("$why", ({ text, want }) => {
    expect(short(text)).toEqual(want);
  });

  it.each([
    { why: "two slashes (T18)", text: "a/b/c", says: "failed at '/'" },
    { why: "two @ (T18)", text: "a@b@c", says: "failed at '@'" },
    { why: "a capital (T19)", text: "A", says: "mismatch @ 'A'" },
    { why: "an underscore (T19)", text: "a_b", says: "mismatch @ 'a_b'" },
    { why: "an underscore in the interface (T19)", text: "a@my_if", says: "mismatch @ 'my_if'" },
    { why: "a dot in the interface", text: "a@eth0.5", says: "mismatch @ 'eth0.5'" },
    { why: "a capital in the namespace", text: "Ns/a", says: "mismatch @ 'Ns'" },
    { why: "an interface that the kernel has no room for", text: "a@abcdefghijklmnop", says: "interface name 'abc" },
  ])("is refused for $why", ({ text, says }) => {
    expect(refusalOf(() => parse(text))).toMatchObject({
      kind: "invalid-config",
      message: expect.stringContaining(says) as string,
    });
  });
});

describe("the JSON form", () => {
  it.each([
    {
      why: "names and interfaces (T4, T21)",
      text: '[{"name":"a"},{"name":"b","interfaceRequest":"north"}]',
      want: ["a", "b@north"],
    },
    { why: "keys in any case (T22)", text: '[{"Name":"a","InterfaceRequest":"north"}]', want: ["a@north"] },
    {
      why: "`interface` counts where interfaceRequest says nothing (T23)",
      text: '[{"name":"a","interface":"x"}]',
      want: ["a@x"],
    },
    {
      why: "and only there",
      text: '[{"name":"a","interface":"x","interfaceRequest":"north"}]',
      want: ["a@north"],
    },
    {
      why: "an interface may have what the short form forbids",
      text: '[{"name":"a","interfaceRequest":"My_if.5"}]',
      want: ["a@My_if.5"],
    },
    {
      why: "what is read and not used",
      text: '[{"name":"a","namespace":"N_S","ipRequest":"10.0.0.1","macRequest":"x","other":[]}]',
      want: ["a"],
    },
    { why: "an object without a name has an empty one", text: "[{}]", want: [""] },
  ])("$why", ({ text, want }) => {
    expect(short(text)).toEqual(want);
  });

  it("has no `interface` with strictCompat (T23)", () => {
    expect(parse('[{"name":"a","interface":"x"}]', true)).toEqual([{ name: "a" }]);
  });

  it.each([
    { why: "an object that is no list (T24)", text: '{"name":"a"}', kind: "decode-failure" },
    { why: "a string (T24)", text: '"a"', kind: "decode-failure" },
    { why: "a list of strings", text: '["a"]', kind: "decode-failure" },
    { why: "a name that is no string", text: '[{"name":1}]', kind: "decode-failure" },
    { why: "what is not used, of the wrong type", text: '[{"name":"a","ipRequest":[]}]', kind: "decode-failure" },
    { why: "what is not JSON", text: '[{"name":"a"}', kind: "decode-failure" },
    { why: "an empty list, where the fork crashes (T25)", text: "[]", kind: "invalid-config" },
    { why: "an interface that cannot be", text: '[{"name":"a","interfaceRequest":"a/b"}]', kind: "invalid-config" },
  ])("is refused for $why", ({ text, kind }) => {
    expect(refusalOf(() => parse(text))).toMatchObject({ kind });
  });
});

it("is a list of selections or a refusal, whatever the text", () => {
  const element = fc.record({ name: fc.string(), interfaceRequest: fc.string() }, { requiredKeys: [] });
  const list = fc.array(element, { maxLength: 3 }).map((elements) => JSON.stringify(elements));
  const text = fc.oneof(list, spoilt(list), jsonValue, fc.string());
  fc.assert(
    fc.property(text, fc.boolean(), (given, strictCompat) => {
      refusalOf(() => parse(given, strictCompat));
    }),
  );
});
