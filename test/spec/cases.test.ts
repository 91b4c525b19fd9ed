import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CASES, casesIn, tally } from "./tally.ts";

const { tested, different, notYet } = await tally(join(import.meta.dirname, "../.."));

describe("Multus' cases", () => {
  it("are 219, each with a number of its own", () => {
    expect(new Set(CASES).size).toBe(219);
    expect(CASES).toHaveLength(219);
  });

  it("are all that tests and docs/differences-from-multus.md refer to", () => {
    const known = new Set(CASES);
    expect([...tested, ...different, ...notYet].filter((id) => !known.has(id))).toEqual([]);
  });

  it("are each accounted for: by a test, as a difference, or as not done yet", () => {
    expect(CASES.filter((id) => !tested.has(id) && !different.has(id) && !notYet.has(id))).toEqual([]);
  });

  it("are not called undone when a test names them, or when they are different on purpose", () => {
    expect([...notYet].filter((id) => tested.has(id) || different.has(id))).toEqual([]);
  });
});

describe("the numbers in a text", () => {
  it.each([
    { text: "rolls back (T023)", want: ["T023"] },
    { text: "T130: a bare name", want: ["T130"] },
    { text: "keys (T119, T120)", want: ["T119", "T120"] },
    { text: "| T040-T051, T055 |", want: ["T040", "T041", "T050", "T051", "T055"] },
    { text: "no STATUS100, T12 or T1234", want: [] },
  ])("$text", ({ text, want }) => {
    expect(casesIn(text)).toEqual(want);
  });
});
