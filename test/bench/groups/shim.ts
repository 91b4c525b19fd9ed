/** The shim: what a runtime pays for starting it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { withDaemon } from "../daemon.ts";
import { drive, type Exec, ONE_BY_ONE, type Run, type Timing, wallsOf } from "../drive.ts";
import type { Row, Section } from "../section.ts";
import { SHIM, type Site } from "../site.ts";
import { median, p95 } from "../statistics.ts";
import { type Caller, environment, writeCallerConfs } from "../workload.ts";

export async function measureShim(bench: Bench): Promise<readonly Section[]> {
  return [await measureTime(bench), await measureSize(bench)];
}

async function measureTime({ site, times, progress }: Bench): Promise<Section> {
  const rounds = times(1000, 50);
  progress(`shim: ${rounds} rounds`);
  const timings = await withDaemon(site, { name: "shim" }, async (daemon) => {
    const runs = await runsOfOneRound(site, daemon);
    return drive(site, Array.from({ length: rounds }, () => runs).flat(), ONE_BY_ONE);
  });
  return {
    title: "The shim",
    note: `A whole process from spawn to wait, ${rounds} times each, in turns. VERSION asks no daemon; STATUS and a DEL of nothing make one gRPC call each.`,
    columns: ["wall p50 ms", "wall p95 ms", "CPU p50 ms", "x true"],
    rows: ["true", "VERSION", "STATUS", "DEL"].map((label) => rowOf(timings, label)),
  };
}

const NAMES: Readonly<Record<string, string>> = { true: "static C `true`", DEL: "DEL of nothing" };

function rowOf(timings: readonly Timing[], label: string): Row {
  const walls = wallsOf(timings, label);
  const cpu = timings.filter((timing) => timing.label === label).map((timing) => timing.cpu);
  const floor = median(wallsOf(timings, "true"));
  return { name: NAMES[label] ?? label, values: [median(walls), p95(walls), median(cpu), median(walls) / floor] };
}

async function runsOfOneRound(site: Site, { confs }: Caller): Promise<readonly Run[]> {
  const input = join(site.directory, "status.conf");
  // STATUS came with CNI 1.1.0; the delegate is older and is not asked.
  await writeFile(input, (await readFile(confs.noop, "utf8")).replace('"cniVersion":"1.0.0"', '"cniVersion":"1.1.0"'));
  const shim = (verb: "VERSION" | "STATUS" | "DEL"): Exec => {
    return { executable: SHIM, input, env: environment(site, verb, "nothing", 0, "eth0", "") };
  };
  return [
    { label: "true", execs: [{ executable: site.trueProgram, input, env: {} }] },
    { label: "VERSION", execs: [shim("VERSION")] },
    { label: "STATUS", execs: [shim("STATUS")] },
    { label: "DEL", execs: [shim("DEL")] },
  ];
}

async function measureSize({ site, progress }: Bench): Promise<Section> {
  progress("shim: size");
  const { size } = await stat(SHIM);
  return {
    title: "The shim's size",
    note: "Resident memory is smaps_rollup's Rss while the shim waits for an answer.",
    columns: ["value"],
    rows: [
      { name: "file, KiB", values: [size / 1024] },
      { name: "resident memory, KiB", values: [await memoryWhileWaiting(site)] },
    ],
  };
}

/** Has the shim call somebody who never answers. */
async function memoryWhileWaiting(site: Site): Promise<number> {
  const directory = join(site.directory, "mute");
  const { confs } = await writeCallerConfs(site, directory, directory);
  const server = createServer().listen(join(directory, "plexus.sock"));
  const shim = spawn(SHIM, {
    env: environment(site, "DEL", "nothing", 0, "eth0", ""),
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = once(shim, "exit");
  try {
    shim.stdin.end(await readFile(confs.noop));
    const [caller] = await once(server, "connection", { signal: AbortSignal.timeout(5_000) });
    await once(caller as NodeJS.ReadableStream, "data");
    const rollup = await readFile(`/proc/${shim.pid}/smaps_rollup`, "utf8");
    return Number(/^Rss:\s+(\d+) kB$/m.exec(rollup)?.[1]);
  } finally {
    shim.kill("SIGKILL");
    await ended;
    server.close();
  }
}
