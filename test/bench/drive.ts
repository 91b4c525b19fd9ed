import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, type Site } from "./site.ts";

export interface Exec {
  readonly executable: string;
  /** A file that becomes its standard input. */
  readonly input: string;
  readonly env: Readonly<Record<string, string>>;
}

/** One operation on one sandbox, by one exec or by several in a row. */
export interface Run {
  /** What it is counted as; no blanks. */
  readonly label: string;
  readonly execs: readonly Exec[];
}

export interface Timing {
  readonly label: string;
  /** Since the machine's start; like the others in milliseconds. */
  readonly begin: number;
  readonly wall: number;
  /** Of the executables and whatever they waited for. */
  readonly cpu: number;
}

export interface Pace {
  /** How many runs are under way at once. */
  readonly parallel: number;
  /** After each run. */
  readonly pauseMs: number;
}

export const ONE_BY_ONE: Pace = { parallel: 1, pauseMs: 0 };
/** Time enough for everything that an operation left behind. */
export const PACED: Pace = { parallel: 1, pauseMs: 20 };

const DEADLINE_MS = 240_000;

/** Has drive.c do the runs. Rejects if one of them fails. */
export async function drive(site: Site, runs: readonly Run[], { parallel, pauseMs }: Pace): Promise<readonly Timing[]> {
  const jobs = join(site.ramDirectory, "jobs");
  await writeFile(jobs, runs.flatMap(linesOf).join(""));
  const options = { timeout: DEADLINE_MS, killSignal: "SIGKILL", maxBuffer: 64 << 20 } as const;
  const { stdout } = await run(site.drive, [jobs, String(parallel), String(pauseMs)], options);
  return stdout.trimEnd().split("\n").map(timingOf);
}

/** The runs' wall times by label. */
export function wallsOf(timings: readonly Timing[], label: string): readonly number[] {
  return timings.filter((timing) => timing.label === label).map(({ wall }) => wall);
}

/** From the first begin to the last end. */
export function wholeWall(timings: readonly Timing[]): number {
  return Math.max(...timings.map(({ begin, wall }) => begin + wall)) - Math.min(...timings.map(({ begin }) => begin));
}

function linesOf({ label, execs }: Run): readonly string[] {
  const lines = execs.flatMap(({ executable, input, env }) => [
    `exec ${executable} ${input}\n`,
    ...Object.entries(env).map(([name, value]) => `env ${name}=${value}\n`),
  ]);
  return [`run ${label}\n`, ...lines];
}

function timingOf(line: string): Timing {
  const [label = "", ...micros] = line.split(" ");
  const [begin = NaN, wall = NaN, cpu = NaN] = micros.map((text) => Number(text) / 1000);
  return { label, begin, wall, cpu };
}
