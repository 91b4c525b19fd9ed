/** The benchmark itself. main.ts starts it in namespaces of its own, with an empty directory as its first argument. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { aimsMet } from "./aims.ts";
import type { Bench, Group } from "./bench.ts";
import { measureBridge, measureNoop } from "./groups/attach.ts";
import { measureCluster } from "./groups/cluster.ts";
import { measureDaemon } from "./groups/daemon.ts";
import { measureDurability } from "./groups/durability.ts";
import { measureShim } from "./groups/shim.ts";
import { describeMachine, machineLine } from "./machine.ts";
import { type GroupName, parseBenchArgs } from "./options.ts";
import { markdownTable, textTable, withResults } from "./report.ts";
import type { Section } from "./section.ts";
import { DOCS, prepareSite, RESULTS } from "./site.ts";
import { writePluginConfs } from "./workload.ts";

const MEASURES: Readonly<Record<GroupName, Group>> = {
  shim: measureShim,
  noop: measureNoop,
  bridge: measureBridge,
  daemon: measureDaemon,
  durability: measureDurability,
  cluster: measureCluster,
};

const [directory = "", ...args] = process.argv.slice(2);
const { quick, groups, writeDocs } = parseBenchArgs(args);
const site = await prepareSite(directory);
await writePluginConfs(site);
const machine = await describeMachine(directory);
const bench: Bench = {
  site,
  times: (full, few) => (quick ? few : full),
  progress: (what) => process.stderr.write(`bench: ${Math.round(process.uptime())} s  ${what}\n`),
};

const measured: Section[] = [];
for (const group of groups) measured.push(...(await MEASURES[group](bench)));
const aims = aimsMet(measured);
const sections = aims.rows.length === 0 ? measured : [aims, ...measured];

console.log(`${machineLine(machine)}\n\n${sections.map(textTable).join("\n")}`);
await replaceFile(RESULTS, `${JSON.stringify({ machine, sections }, null, 2)}\n`);
if (writeDocs) {
  const text = `${machineLine(machine)}.\n\n${sections.map(markdownTable).join("\n")}`;
  await replaceFile(DOCS, withResults(await readFile(DOCS, "utf8"), text));
}

async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
