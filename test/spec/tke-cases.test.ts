import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseTkeSelections } from "../../daemon/domain/dialect/tke-selection.ts";
import { parseNetConf } from "../../daemon/domain/netconf.ts";
import { testSources } from "./tally.ts";
import { TKE_CASES } from "./tke-cases.ts";

const root = join(import.meta.dirname, "../..");
const numbersIn = (text: string): readonly string[] => [...text.matchAll(/\bT\d{1,2}\b/g)].map(([number]) => number);

const known = Object.keys(TKE_CASES);
const tested = new Set(numbersIn(await testSources(root)));
const page = await readFile(join(root, "docs/tke.md"), "utf8");
const told = new Set(numbersIn(page));

describe("the cases of TKE's fork", () => {
  it("are 44", () => {
    expect(known).toEqual(Array.from({ length: 44 }, (_, index) => `T${index + 1}`));
  });

  it("are each shown by a test", () => {
    expect(known.filter((number) => !tested.has(number))).toEqual([]);
  });

  it("are all that tests and docs/tke.md refer to", () => {
    expect([...tested, ...told].filter((number) => !known.includes(number))).toEqual([]);
  });

  it("are told of where Plexus does otherwise", () => {
    const [, differences = ""] = page.split("## What is different");
    expect(numbersIn(differences)).toEqual(expect.arrayContaining(["T5", "T13", "T16", "T23", "T25", "T38", "T43"]));
  });
});

describe("docs/tke.md", () => {
  it("shows a config that lets pods choose", () => {
    const [, example = ""] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    expect(parseNetConf(example)).toMatchObject({
      dialect: "npwg",
      podsChooseDialect: true,
      defaultDelegates: "tke-bridge,tke-route",
    });
  });

  it("shows an annotation that asks for what it seems to", () => {
    const [, annotation = ""] = /tke\.cloud\.tencent\.com\/networks: (.+)/.exec(page) ?? [];
    expect(parseTkeSelections(annotation, "the example", true)).toMatchObject([
      { name: "tke-bridge" },
      { name: "storage", interface: "eth3" },
      { name: "backup" },
    ]);
  });
});
