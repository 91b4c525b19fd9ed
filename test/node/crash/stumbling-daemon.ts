/**
 * Loaded into the daemon before its own code: writes down each step that it takes on its records, and kills it before or after the one that
 * /run/crash/plan names. Steps are counted from the moment that there is that plan.
 */
import fs from "node:fs";
import promises, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";

const PLAN = "/run/crash/plan";
const STEPS = "/run/crash/steps";
const RECORDS = "/var/lib/plexus/sandboxes";

let followed = "";
let counts = new Map<string, number>();

/** What the step is called, if there is a plan. */
function begin(call: string, thing: string): string | undefined {
  const plan = planned();
  if (plan !== followed) {
    followed = plan;
    counts = new Map();
  }
  if (plan === "") return undefined;
  const count = (counts.get(call + thing) ?? 0) + 1;
  counts.set(call + thing, count);
  const step = `${call} ${thing} ${count}`;
  fs.appendFileSync(STEPS, `before ${step}\n`);
  return step;
}

function dieIfPlanned(at: string): void {
  if (planned() !== `daemon\n${at}\n`) return;
  fs.unlinkSync(PLAN);
  process.kill(process.pid, "SIGKILL");
}

function planned(): string {
  try {
    return fs.readFileSync(PLAN, "utf8");
  } catch {
    return "";
  }
}

/** Undefined for whatever is not the daemon's records. */
function thingAt(path: unknown): string | undefined {
  if (path === RECORDS) return "directory";
  if (typeof path !== "string" || !path.startsWith(RECORDS)) return undefined;
  const kind = path.includes(".network-status.json") ? "status" : "record";
  return basename(path).startsWith(".") ? `new ${kind}` : kind;
}

/** Makes a step of a function that returns a promise. */
function watch(owner: object, call: string, thingOf: (argument: unknown) => string | undefined): void {
  const real: unknown = Reflect.get(owner, call);
  if (typeof real !== "function") throw new Error(`there is no ${call}`);
  Reflect.set(owner, call, async function (this: unknown, ...args: readonly unknown[]): Promise<unknown> {
    const thing = thingOf(args[0]);
    const step = thing === undefined ? undefined : begin(call, thing);
    if (step !== undefined) dieIfPlanned(`before ${step}`);
    const value: unknown = await Reflect.apply(real, this, args);
    if (step !== undefined) dieIfPlanned(`after ${step}`);
    return value;
  });
}

for (const call of ["open", "readFile", "writeFile", "rename", "unlink", "rm"]) watch(promises, call, thingAt);
const { open } = promises;
promises.open = async (...args: Parameters<typeof open>): Promise<FileHandle> => {
  const file = await open(...args);
  const thing = thingAt(args[0]);
  if (thing !== undefined) for (const call of ["writeFile", "sync", "close"]) watch(file, call, () => thing);
  return file;
};
syncBuiltinESMExports();
