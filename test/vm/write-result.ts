/**
 * Writes down for docs/versions.md how a run in the virtual machine went.
 *
 *   node test/vm/write-result.ts REPORT VERSIONS...
 *
 * REPORT is of vitest's JSON reporter. Each of VERSIONS names parts of the machine, a line each.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { type GroupName, partsOf } from "../real/parts.ts";
import { writeResult } from "../real/results.ts";

/** What each file tests, and on which groups of real plugins beside the machine. */
const FILES: Readonly<Record<string, { readonly title: string; readonly groups: readonly GroupName[] }>> = {
  card: { title: "The emulated SR-IOV card itself", groups: [] },
  "function-settings": {
    title: "Settings of a virtual function after DEL, with a stand-in for sriov-cni after 2.1.0",
    groups: ["cni-plugins"],
  },
  networks: {
    title: "The networks of docs/networks.md, with a stand-in for bond-cni",
    groups: ["cni-plugins", "sriov-cni"],
  },
  "report-b": {
    title: "Report B on an SR-IOV card, with a stand-in for TKE's sriov",
    groups: ["cni-plugins"],
  },
  "sriov-cni": { title: "sriov-cni on an SR-IOV card", groups: ["cni-plugins", "sriov-cni"] },
};

interface VitestFile {
  readonly name: string;
  readonly assertionResults: readonly { readonly status: string }[];
}

const [report = "", ...versionFiles] = process.argv.slice(2);
const texts = await Promise.all(versionFiles.map((file) => readFile(file, "utf8")));
const machine = texts.flatMap((text) => text.trim().split("\n"));
const { testResults = [] } = JSON.parse(await readFile(report, "utf8")) as {
  readonly testResults?: readonly VitestFile[];
};
for (const { name, assertionResults } of testResults) {
  const file = basename(name, ".test.ts");
  const { title, groups } = FILES[file] ?? { title: file, groups: [] };
  const count = (status: string): number => assertionResults.filter((test) => test.status === status).length;
  await writeResult({
    scenario: `vm-${file}`,
    title,
    date: new Date().toISOString().slice(0, 10),
    passed: count("passed"),
    failed: count("failed"),
    parts: [...machine, ...groups.flatMap(partsOf)],
  });
}
