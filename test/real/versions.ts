/**
 * Writes docs/versions.md, and README's table, from what the suites left in the cache: what was run
 * against which version, and when.
 *
 *   node test/real/versions.ts
 */
import { readFile, writeFile } from "node:fs/promises";
import { here, MISSING } from "./parts.ts";
import { readResults, type Result } from "./results.ts";
import { OPEN } from "./scenarios.ts";

const PAGE = here("../../docs/versions.md");
const README = here("../../README.md");
const [BEGIN, END] = ["<!-- versions: written by test/real/versions.ts -->", "<!-- end of versions -->"];

/** The parts that a reader of README asks for first, by their name in results. */
const FOREMOST: Readonly<Record<string, string>> = {
  kubelet: "Kubernetes",
  containerd: "containerd",
  runc: "runc",
  "containernetworking-plugins": "CNI plugins",
  "calico-node": "Calico",
  flanneld: "flannel",
  multus: "Multus",
  sriov: "sriov-cni",
};

/** Calico's module has no version of its own: its manifest tells which release it belongs to. */
const CALICO = {
  module: "v1.11.0-cni-plugin.0.20250813170300-a0db560f0520",
  release: "v3.28.5 and later fixes (a0db560f0520)",
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");

const outcome = ({ passed, failed }: Result): string =>
  failed === 0 ? `${passed} passed` : `${passed} passed, ${failed} failed`;

interface Part {
  readonly name: string;
  readonly version: string;
  readonly scenarios: readonly string[];
  readonly date: string;
}

/** Every part that a scenario ran on without a failure, with the newest date. */
function partsIn(results: readonly Result[]): readonly Part[] {
  const parts = new Map<string, Part>();
  for (const { scenario, date, failed, parts: ran } of results) {
    if (failed > 0) continue;
    for (const part of ran) {
      const [name = "", version = ""] = part.split(" ");
      const known = parts.get(part);
      parts.set(part, {
        name,
        version: version === CALICO.module ? CALICO.release : version,
        scenarios: [...(known?.scenarios ?? []), scenario],
        date: known === undefined || date > known.date ? date : known.date,
      });
    }
  }
  return [...parts.values()];
}

function page(results: readonly Result[]): string {
  const scenarios = results.map((result) => [result.scenario, result.title, outcome(result), result.date]);
  const parts = partsIn(results).map(({ name, version, scenarios, date }) => [
    name,
    version,
    scenarios.join(", "),
    date,
  ]);
  return `# What was run against which version

\`node test/real/versions.ts\` writes this page from the reports of \`npm run test:real\`, \`npm run test:cluster\` and \`npm run test:vm\`. Each part is the real one, at the version that is named; where a
scenario has a stand-in, its title says for what. \`test/real/\` pins the parts and says how each is made.

## Scenarios

${table(["scenario", "what it is", "result", "date"], scenarios)}
## Parts

A part is here when a scenario that ran on it had no failure.

${table(["part", "version", "scenarios", "date"], parts)}
## Not run

These parts could not be had where the suites run. Nothing that depends on them has been tried.

${table(["part", "reason"], Object.entries(MISSING))}
These are wanted on the cluster, and no scenario runs them yet.

${table(["what", "what there is"], Object.entries(OPEN))}`;
}

async function main(): Promise<void> {
  const results = await readResults();
  await writeFile(PAGE, page(results));
  const foremost = partsIn(results).flatMap(({ name, version, date }) => {
    const title = FOREMOST[name];
    return title === undefined ? [] : [[title, version, date]];
  });
  const text = await readFile(README, "utf8");
  const [before = "", rest = ""] = text.split(BEGIN);
  const [, after = ""] = rest.split(END);
  if (after === "") throw new Error(`README.md has no ${BEGIN} ... ${END}`);
  await writeFile(README, `${before}${BEGIN}\n\n${table(["part", "version", "last run"], foremost)}\n${END}${after}`);
}

await main();
