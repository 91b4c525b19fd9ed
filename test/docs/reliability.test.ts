import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { MUTATIONS, mutated } from "../../scripts/mutations.ts";

interface Row {
  readonly fault: string;
  readonly test: string;
  readonly mutations: readonly string[];
  readonly result: string;
}

const [, table = ""] = (await readFile("docs/reliability.md", "utf8")).split(/^## .+$/m);
const rows: readonly Row[] = [
  ...table.matchAll(/^\| (.+) \| .+ \| \[.+\]\(\.\.\/(.+)\) \| .+ \| (.+) \| (.+) \|$/gm),
].map(([, fault = "", test = "", mutations = "", result = ""]) => ({
  fault,
  test,
  mutations: [...mutations.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  result,
}));

describe("docs/reliability.md", () => {
  it("names only what there is, and all mutations", () => {
    expect(table.match(/^\| (?!---|fault)/gm)).toHaveLength(rows.length);
    expect(rows.flatMap(({ mutations }) => mutations).toSorted()).toEqual(MUTATIONS.map(({ name }) => name).toSorted());
  });

  it.each(rows)("has a test for: $fault", async ({ test, mutations, result }) => {
    expect(await readFile(test, "utf8")).toContain("it");
    const shown = MUTATIONS.filter(({ name }) => mutations.includes(name));
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.map((mutation) => mutation.test)).toEqual(shown.map(() => test));
    expect(result).toBe("holds");
  });
});

it.each(MUTATIONS)("there still is what is taken away: $name", async (mutation) => {
  expect(mutated(await readFile(mutation.file, "utf8"), mutation)).toContain(mutation.replace);
});
