/**
 * Tells how far Plexus stands in for Multus, case by case.
 *
 *   npm run spec
 */
import { join } from "node:path";
import { SECTIONS } from "../test/spec/cases.ts";
import { CASES, tally } from "../test/spec/tally.ts";

const { tested, different, notYet } = await tally(join(import.meta.dirname, ".."));

function standing(id: string): string {
  if (notYet.has(id)) return "not yet";
  if (different.has(id)) return tested.has(id) ? "different, tested" : "different";
  return tested.has(id) ? "tested" : "NOT ACCOUNTED FOR";
}

for (const { title, cases } of SECTIONS) {
  console.log(`\n${title}`);
  for (const [id, statement] of Object.entries(cases)) console.log(`  ${id}  ${standing(id).padEnd(17)}  ${statement}`);
}

const counts = Map.groupBy(CASES, standing);
const sums = [...counts].map(([name, ids]) => `${ids.length} ${name}`);
console.log(`\n${CASES.length} cases: ${sums.join("; ")}`);
