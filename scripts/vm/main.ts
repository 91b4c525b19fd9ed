/**
 * Tests in a virtual machine with a whole kernel and an emulated SR-IOV card.
 *
 *   node scripts/vm/main.ts               all of them, in one boot
 *   node scripts/vm/main.ts NAME...       some of them; what is given goes to vitest
 *   node scripts/vm/main.ts run SCRIPT    a script of one's own in such a machine
 *
 * Exit status 77: this machine cannot run it; the one line says why.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { describeTally, readReport } from "../vitest-report.ts";
import { runInVirtualMachine } from "./machine.ts";

const root = join(import.meta.dirname, "../..");
const NOT_HERE = 77;
/** What scripts/vm/prepare.sh puts into the cache. */
const PARTS = ["qemu", "kernel"] as const;
/** Groups of test/real/parts.ts whose programs are the guest's CNI plugins. */
const PLUGINS = ["cni-plugins", "sriov-cni"] as const;
/** A run takes some 5 minutes on 2 idle cores. */
const DEADLINE_MS = 2_400_000;

/**
 * What is used of the machine beside what is fetched and built; the guest has the same programs.
 */
const NEEDED = ["apt-get", "dpkg-deb", "flock", "setpriv", "ip", "iptables", "jq", "ping"];

const env = process.env;
const cache = env["PLEXUS_VM_CACHE"] ?? join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "plexus-vm");

async function hindrance(): Promise<string | undefined> {
  if (process.arch !== "x64")
    return `it emulates an x86-64 machine with this machine's programs, and this one is ${process.arch}`;
  if (process.getuid?.() !== 0) return "it needs root, for the guest has this machine's files (sudo npm run test:vm)";
  for (const command of NEEDED) {
    if ((await pass(["sh", "-c", `command -v ${command} >/dev/null`])) !== 0) return `there is no ${command}`;
  }
  return undefined;
}

/** Runs a command with our own streams. Resolves with its exit status. */
async function pass(command: readonly string[]): Promise<number> {
  const [name = "", ...args] = command;
  const child = spawn(name, args, { cwd: root, stdio: "inherit" });
  const [status] = (await once(child, "exit")) as [number | null];
  return status ?? 1;
}

function notRun(reason: string): number {
  console.log(`NOT RUN: the tests in a virtual machine (test/vm/): ${reason}`);
  return NOT_HERE;
}

async function describeParts(): Promise<string> {
  const versions = await Promise.all(PARTS.map((part) => readFile(join(cache, part, "versions"), "utf8")));
  return versions.join("").trim().split("\n").join(", ");
}

/**
 * The guest runs vitest with this machine's files: the checkout, Node, and the parts in the cache.
 */
function testScript(args: readonly string[]): string {
  const vitest = ["node_modules/.bin/vitest", "run", "--config", "vitest.vm.config.ts"];
  const reporters = ["--reporter=verbose", "--reporter=json", "--outputFile.json=/job/report.json"];
  const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
  const words = [...vitest, ...reporters, ...args].map(quote);
  // They say where test/real/build.ts built the plugins.
  const exported = ["HOME", "XDG_CACHE_HOME", "PLEXUS_REAL_CACHE"].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [`${name}=${quote(value)}`];
  });
  return [
    `cd ${quote(root)}`,
    `export NO_COLOR=1 PATH="$PWD/node_modules/.bin:$PATH" ${exported.join(" ")}`,
    `exec ${words.join(" ")}`,
  ].join(" && ");
}

/** Ends with the tally alone on a line, as npm test does. */
async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const reason = await hindrance();
  if (reason !== undefined) return notRun(reason);
  for (const command of [
    ["sh", "scripts/vm/prepare.sh", cache],
    [process.execPath, "test/real/build.ts", ...PLUGINS],
  ]) {
    const prepared = await pass(command);
    if (prepared === NOT_HERE) return notRun("its parts could not be fetched (see above)");
    if (prepared !== 0) return prepared;
  }
  console.log(`a virtual machine by software emulation, with ${await describeParts()}`);
  const directory = await mkdtemp(join(tmpdir(), "plexus-vm-"));
  try {
    const [first, own] = args;
    const isOwn = first === "run" && own !== undefined;
    const status = await runInVirtualMachine({
      cache,
      directory,
      script: isOwn ? await readFile(own, "utf8") : testScript(args),
      deadlineMs: DEADLINE_MS,
      signal,
      onOutput: (text) => process.stdout.write(text),
    });
    if (isOwn) return status;
    const file = join(directory, "report.json");
    const report = await readFile(file, "utf8").catch(() => "{}");
    const tally = readReport({ report, ok: status === 0, output: "", maySkip: args.length > 0 });
    if (args.length === 0 && report !== "{}") {
      const versions = PARTS.map((part) => join(cache, part, "versions"));
      await pass([process.execPath, "test/vm/write-result.ts", file, ...versions]);
    }
    console.log(`\n${describeTally(tally)}`);
    return tally.failed === 0 ? 0 : 1;
  } finally {
    await rm(directory, { recursive: true });
  }
}

const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => interrupted.abort());
process.exitCode = await main(process.argv.slice(2), interrupted.signal).catch((thrown: unknown) => {
  console.error(`vm: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  return 1;
});
