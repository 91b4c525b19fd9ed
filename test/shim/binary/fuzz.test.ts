import { describe, expect, it } from "vitest";
import { fuzzInputs, fuzzPeers } from "./fuzz.ts";

// The short form. fuzz.ts runs by itself for any length of time.
const seed = Date.now() % 1_000_000_000;
const sum = (tally: Readonly<Record<string, number>>): number => Object.values(tally).reduce((a, b) => a + b, 0);

describe(`the executable, from seed ${seed} on`, () => {
  it("ends well with 150 random peers", async () => {
    expect(sum(await fuzzPeers({ seed, count: 150, parallel: 4 }))).toBe(150);
  });

  it("ends well with 150 random inputs", async () => {
    expect(sum(await fuzzInputs({ seed, count: 150, parallel: 4 }))).toBe(150);
  });
});
