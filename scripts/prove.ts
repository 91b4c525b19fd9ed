/**
 * Shows that the promises of docs/reliability.md are kept by their mechanisms and not by chance: takes away one mechanism after the other, as
 * scripts/mutations.ts says, in a copy of the project, and demands that its test notices. Ends with status 0 when every test did.
 *
 *   node scripts/prove.ts              all of them
 *   node scripts/prove.ts NAME...      those named
 *
 * Each test must also pass in the copy as it is. Needs root, and what `npm run build` makes.
 */
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { type Mutation, MUTATIONS, mutated } from "./mutations.ts";

const root = join(import.meta.dirname, "..");

/** A test that has not ended by then will not. */
const DEADLINE_MS = 300_000;

/** Whatever a test starts ends with it: one that fails may leave a daemon behind. */
const IN_A_WORLD_OF_ITS_OWN = ["--pid", "--fork", "--kill-child", "--mount-proc"];

const COPIED = [".cache", "daemon", "demo", "deploy", "dist", "docs", "proto", "scripts", "shim", "test"];
const COPIED_FILES = ["package.json", "tsconfig.json", "vitest.config.ts"];

interface Run {
  readonly passed: number;
  readonly failed: number;
  readonly output: string;
}

async function copyProject(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "plexus-prove-"));
  for (const part of [...COPIED, ...COPIED_FILES]) {
    await cp(join(root, part), join(copy, part), {
      recursive: true,
      filter: (path) => !path.endsWith("/node_modules"),
    });
  }
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  await symlink(join(root, "shim/node_modules"), join(copy, "shim/node_modules"));
  return copy;
}

/** Resolves with the status and all that was said; null for a command that did not end in time. */
function run(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<{ readonly status: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: DEADLINE_MS,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    }
    child.on("close", (status) => resolve({ status, output }));
  });
}

const VitestReport = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
});

async function runTest(copy: string, { test, only }: Pick<Mutation, "test" | "only">): Promise<Run> {
  const report = join(copy, "report.json");
  await rm(report, { force: true });
  const args = ["run", test, "--bail=1", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const pattern = only === undefined ? [] : ["--testNamePattern", only];
  const vitest = join(root, "node_modules/.bin/vitest");
  const { status, output } = await run("unshare", [...IN_A_WORLD_OF_ITS_OWN, vitest, ...args, ...pattern], copy);
  if (status === null) return { passed: 0, failed: 1, output: "it did not end" };
  const { data } = VitestReport.safeParse(JSON.parse(await readFile(report, "utf8").catch(() => "null")));
  return {
    passed: data?.numPassedTests ?? 0,
    failed: data?.numFailedTests ?? 0,
    output,
  };
}

/** What is made from that file, and used by that test. */
async function build(copy: string, { file, test }: Mutation): Promise<void> {
  const command = file.startsWith("shim/")
    ? test.startsWith("test/shim/core/")
      ? []
      : ["sh", "shim/build.sh"]
    : file.startsWith("daemon/launcher/")
      ? ["sh", "daemon/launcher/build.sh"]
      : test.startsWith("test/node/")
        ? [process.execPath, "scripts/build-daemon.ts"]
        : [];
  const [name, ...args] = command;
  if (name === undefined) return;
  const { status, output } = await run(name, args, copy);
  if (status !== 0) throw new Error(`${command.join(" ")} failed:\n${output}`);
}

/** Undefined when the test noticed; otherwise what is wrong. */
async function prove(
  copy: string,
  mutation: Mutation,
  untouched: Map<string, Promise<Run>>,
): Promise<string | undefined> {
  const { file, test, only = "" } = mutation;
  const key = `${test} ${only}`;
  const before = await (untouched.get(key) ?? runTest(copy, mutation));
  untouched.set(key, Promise.resolve(before));
  if (before.passed === 0 || before.failed > 0) return `${test} does not pass as it is:\n${before.output}`;
  const path = join(copy, file);
  const text = await readFile(path, "utf8");
  await writeFile(path, mutated(text, mutation));
  try {
    await build(copy, mutation);
    const after = await runTest(copy, mutation);
    return after.failed > 0 ? undefined : `${test} did not notice:\n${after.output}`;
  } finally {
    await writeFile(path, text);
    await build(copy, mutation);
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !MUTATIONS.some((mutation) => mutation.name === name));
if (unknown.length > 0) {
  console.error(`no such mutation: ${unknown.join(", ")}`);
  process.exit(2);
}
const chosen = MUTATIONS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const copy = await copyProject();
const untouched = new Map<string, Promise<Run>>();
let unnoticed = 0;
try {
  for (const mutation of chosen) {
    const began = performance.now();
    const problem = await prove(copy, mutation, untouched).catch(String);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(`${problem === undefined ? "noticed" : "FAIL   "} ${mutation.name} (${seconds} s)`);
    if (problem === undefined) continue;
    unnoticed += 1;
    console.log(problem);
  }
} finally {
  await rm(copy, { recursive: true });
}
console.log(`prove: ${chosen.length - unnoticed} of ${chosen.length} mutations noticed`);
process.exitCode = unnoticed === 0 ? 0 : 1;
