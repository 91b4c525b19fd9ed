/** Which of Multus' cases a test names, which are different on purpose, and which are not done yet. */
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SECTIONS } from "./cases.ts";

export interface Tally {
  readonly tested: ReadonlySet<string>;
  /** In a row below "## Differences". May be tested as well: then the test shows what Plexus does instead. */
  readonly different: ReadonlySet<string>;
  /** In a row below "## Not yet". */
  readonly notYet: ReadonlySet<string>;
}

export const CASES: readonly string[] = SECTIONS.flatMap(({ cases }) => Object.keys(cases));

/** @param root the project's directory */
export async function tally(root: string): Promise<Tally> {
  const page = await readFile(join(root, "docs/differences-from-multus.md"), "utf8");
  const [, differences = "", notYet = ""] = page.split(/^## (?:Differences|Not yet)$/m);
  return {
    tested: new Set(casesIn(await testSources(root))),
    different: new Set(casesIn(rowsOf(differences))),
    notYet: new Set(casesIn(rowsOf(notYet))),
  };
}

/** `T020`, `T020, T021`, and `T020-T024` for all cases that there are from the one to the other. Ids that no case has are kept. */
export function casesIn(text: string): readonly string[] {
  return [...text.matchAll(/\b(T\d{3})(?:-(T\d{3}))?\b/g)].flatMap(([, first = "", last]) =>
    last === undefined ? [first] : [first, ...CASES.filter((id) => first < id && id < last), last],
  );
}

/** Everything in the tests but comments: what is left that has a case's number is the name of a test. */
export async function testSources(root: string): Promise<string> {
  const texts: string[] = [];
  for await (const path of glob("test/**/*.{test,contract}.ts", { cwd: root, exclude: ["test/spec"] })) {
    texts.push(await readFile(join(root, path), "utf8"));
  }
  return texts
    .join("\n")
    .split("\n")
    .filter((line) => !/^\s*(?:\/\/|\/\*|\*)/.test(line))
    .join("\n");
}

function rowsOf(section: string): string {
  return section
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .join("\n");
}
