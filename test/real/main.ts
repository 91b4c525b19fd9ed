/**
 * The scenarios on real parts.
 *
 *   node test/real/main.ts [--always | SCENARIO...]     all of them, those of the run that a change has to pass, or some
 *
 * Each result goes into the cache, for versions.ts. Exit status 77: this machine cannot run them;
 * the last line says why.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describeTally, readReport } from "../../scripts/vitest-report.ts";
import { type GroupName, here, IMAGE_GROUPS, partsOf } from "./parts.ts";
import { writeResult } from "./results.ts";
import { SCENARIOS } from "./scenarios.ts";

const checkout = here("../..");
const NOT_HERE = 77;
const HAS_NAMESPACES = "unshare --mount --net --pid --uts --ipc --fork --mount-proc mount --make-rshared /";
const NEEDED = ["apt-get", "dpkg-deb", "openssl", "flock", "ip", "iptables-save", "nsenter", "unshare"];

/** Runs a command with our own streams. Resolves with its exit status. */
async function pass(command: readonly string[]): Promise<number> {
  const [name = "", ...args] = command;
  const child = spawn(name, args, { cwd: checkout, stdio: "inherit" });
  const end = (): void => void child.kill();
  process.on("SIGTERM", end);
  const [status] = (await once(child, "exit")) as [number | null];
  process.off("SIGTERM", end);
  return status ?? 1;
}

/** Why this machine cannot run them, if so. */
async function hindrance(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "they need root, for they make namespaces (sudo)";
  for (const command of NEEDED) {
    if ((await pass(["sh", "-c", `command -v ${command} >/dev/null`])) !== 0) return `there is no ${command}`;
  }
  return (await pass(["sh", "-c", HAS_NAMESPACES])) === 0 ? undefined : "namespaces cannot be made here (see above)";
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function notRun(reason: string): number {
  say(`NOT RUN: the scenarios on a real Kubernetes (test/real/): ${reason}`);
  return NOT_HERE;
}

interface VitestFile {
  readonly name: string;
  readonly assertionResults: readonly { readonly status: string }[];
}

/** Writes down how each scenario went. */
async function writeResults(report: string): Promise<void> {
  const { testResults = [] } = JSON.parse(report) as { readonly testResults?: readonly VitestFile[] };
  for (const { name, assertionResults } of testResults) {
    const scenario = basename(name, ".test.ts");
    const count = (status: string): number => assertionResults.filter((test) => test.status === status).length;
    await writeResult({
      scenario,
      title: SCENARIOS[scenario]?.title ?? scenario,
      date: new Date().toISOString().slice(0, 10),
      passed: count("passed"),
      failed: count("failed"),
      parts: groupsOf([scenario])
        .flatMap(partsOf)
        .filter((part) => runs(scenario, part)),
    });
  }
}

/** Whether a scenario runs a part of a group that it needs. No scenario starts kube-proxy. */
function runs(scenario: string, part: string): boolean {
  if (part.startsWith("kube-proxy ")) return false;
  return !part.startsWith("flannel-cni-plugin ") || groupsOf([scenario]).includes("flannel");
}

/** Every group that the scenarios need. */
function groupsOf(names: readonly string[]): readonly GroupName[] {
  const groups = names.flatMap((name) => SCENARIOS[name]?.groups ?? []);
  return [...new Set<GroupName>(["debian", "kubernetes", ...groups])];
}

async function test(names: readonly string[]): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "plexus-real-report-"));
  try {
    const file = join(directory, "report.json");
    const reporters = ["--reporter=verbose", "--reporter=json", `--outputFile.json=${file}`];
    const files = names.map((name) => `test/real/scenarios/${name}.test.ts`);
    const vitest = ["node_modules/.bin/vitest", "run", "--config", "vitest.real.config.ts"];
    const status = await pass([...vitest, ...reporters, ...files]);
    const report = await readFile(file, "utf8").catch(() => "{}");
    await writeResults(report);
    const tally = readReport({ report, ok: status === 0, output: "", maySkip: false });
    for (const name of Object.keys(SCENARIOS))
      if (!names.includes(name)) say(`not run now: ${name} (npm run test:real)`);
    say(`\n${describeTally(tally)}`);
    return tally.failed === 0 ? 0 : 1;
  } finally {
    await rm(directory, { recursive: true });
  }
}

function chosen(args: readonly string[]): readonly string[] {
  const all = Object.entries(SCENARIOS);
  if (args[0] === "--always") return all.filter(([, { always }]) => always).map(([name]) => name);
  const unknown = args.filter((name) => SCENARIOS[name] === undefined);
  if (unknown.length > 0)
    throw new Error(`no scenario is called ${unknown.join(", ")}: ${all.map(([name]) => name).join(", ")}`);
  return args.length === 0 ? all.map(([name]) => name) : args;
}

async function main(args: readonly string[]): Promise<number> {
  const names = chosen(args);
  const reason = await hindrance();
  if (reason !== undefined) return notRun(reason);
  // Archives of other projects' images are packed together, from these.
  const groups = new Set<GroupName>([...groupsOf(names), ...IMAGE_GROUPS, "images"]);
  const built = await pass([process.execPath, here("build.ts"), ...groups]);
  if (built === NOT_HERE) return notRun("their parts cannot be had (see above)");
  if (built !== 0) return built;
  const image = await pass(["sh", "scripts/image/build.sh"]);
  return image === 0 ? test(names) : image;
}

// The terminal tells the command itself.
process.on("SIGINT", () => undefined);
process.exitCode = await main(process.argv.slice(2));
