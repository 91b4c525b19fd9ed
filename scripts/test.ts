/**
 * Runs the project's checks and tests, and ends with what failed and the tally, alone on a line.
 *
 *   npm test                                everything
 *   npm test -- static unit                 the parts named: static, unit, blackbox, node
 *   npm test -- test/domain/plan.test.ts    the test files named
 *
 * For root a skipped test is a failed one, unless its suite says in its title that the machine cannot run it, and why. Others cannot run the tests under test/node/, and are told so.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { describeTally, readReport, type Tally } from "./vitest-report.ts";

const root = join(import.meta.dirname, "..");
const isRoot = process.getuid?.() === 0;

/** No step may take longer than this. */
const deadlineMs = 600_000;

/** Plain text where nobody is watching. */
const env = process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: "1" };

/** The static part. The two longest first, for two run at a time. */
const staticSteps: ReadonlyMap<string, string> = new Map([
  ["types", "tsc --project tsconfig.json"],
  ["lint", "eslint --max-warnings 0 ."],
  ["format", "prettier --check --log-level warn ."],
  ["imports", "depcruise --output-type err --progress none ."],
  ["dead code", "knip --no-progress"],
]);
const testProjects = ["unit", "blackbox", "node"];

interface Ending {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs one command, words parted by blanks, without standard input. */
function run(command: string): Promise<Ending> {
  const [name = "", ...args] = command.split(" ");
  return new Promise((resolve) => {
    const child = spawn(join(root, "node_modules/.bin", name), args, {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: deadlineMs,
    });
    let output = "";
    const take = (text: string): void => {
      output += text;
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    // Whatever outlives the command and holds its pipes must not hold us.
    child.on("exit", () => {
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 5000).unref();
    });
    child.on("error", (error) => resolve({ ok: false, output: `${command}: ${error.message}\n` }));
    child.on("close", (status, signal) => {
      const ending = signal === null ? "" : `${command}: ended by ${signal}\n`;
      resolve({ ok: status === 0, output: output + ending });
    });
  });
}

async function runStatic(name: string, command: string): Promise<Tally> {
  const { ok, output } = await run(command);
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, output, failures: ok ? [] : [name] };
}

/** @param selection arguments of vitest: a project or files */
async function runTests(selection: string): Promise<Tally> {
  const directory = await mkdtemp(join(tmpdir(), "plexus-test-"));
  try {
    const report = join(directory, "report.json");
    const command = `vitest run ${selection} --reporter=default --reporter=json --outputFile.json=${report}`;
    const { ok, output } = await run(command);
    return readReport({ report: await readFile(report, "utf8").catch(() => "{}"), ok, output, maySkip: !isRoot });
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Counts the tests under test/node/ without running them. */
async function skipNodeTests(): Promise<Tally> {
  const { ok, output } = await run("vitest list --project node");
  return { passed: 0, failed: ok ? 0 : 1, skipped: output.split("\n").filter(Boolean).length, output };
}

/** Runs a step and prints its line; what it had to say follows if it failed. */
async function report(name: string, step: Promise<Tally>): Promise<Tally> {
  if (process.stdout.isTTY) process.stdout.write(`...   ${name}\r`);
  const begin = performance.now();
  const tally = await step;
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  const counts = tally.passed + tally.failed + tally.skipped > 1 ? `  ${describeTally(tally)}` : "";
  const mark = tally.failed > 0 ? "FAIL" : tally.passed > 0 ? "ok  " : "skip";
  console.log(`${mark}  ${name.padEnd(10)} ${seconds.padStart(6)} s${counts}`);
  if (tally.failed > 0) console.log(tally.output.trimEnd());
  return tally;
}

const words = process.argv.slice(2);
const isPart = (word: string): boolean => word === "static" || testProjects.includes(word);
const parts = words.filter(isPart);
const files = words.filter((word) => !isPart(word) && existsSync(word));
const unknown = words.filter((word) => !isPart(word) && !existsSync(word));
if (unknown.length > 0) {
  const choices = `the parts are static, ${testProjects.join(", ")}; a test file is given as a path that exists`;
  console.error(`no such part or file: ${unknown.join(", ")} (${choices})`);
  process.exit(2);
}
const wants = (part: string): boolean => words.length === 0 || parts.includes(part);
const tallies: Tally[] = [];

if (wants("static")) {
  const steps = staticSteps.entries();
  const worker = async (): Promise<void> => {
    for (const [name, command] of steps) tallies.push(await report(name, runStatic(name, command)));
  };
  await Promise.all([worker(), worker()]);
}
for (const project of testProjects.filter(wants)) {
  const step = project === "node" && !isRoot ? skipNodeTests() : runTests(`--project ${project}`);
  tallies.push(await report(project, step));
}
if (files.length > 0) {
  const paths = files.map((file) => relative(root, resolve(file)));
  tallies.push(await report("files", runTests(paths.join(" "))));
}

const sum = (key: "passed" | "failed" | "skipped"): number => tallies.reduce((total, tally) => total + tally[key], 0);
const total = { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
for (const suite of tallies.flatMap(({ notRun = [] }) => notRun)) console.log(`\nNOT RUN: ${suite}`);
if (wants("node") && !isRoot) {
  console.log("\nNOT RUN: the tests under test/node/ need root. Run them with: sudo npm test");
}
const failures = tallies.flatMap(({ failures = [] }) => failures);
if (failures.length > 0) console.log();
for (const failure of failures) console.log(`FAILED: ${failure.replace(`${root}/`, "")}`);
console.log(`\n${describeTally(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;
