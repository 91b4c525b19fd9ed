/** The daemon: what it takes of the node, and how it fares under load. */
import { execFileSync } from "node:child_process";
import type { Bench } from "../bench.ts";
import { type Daemon, type Usage, withDaemon } from "../daemon.ts";
import { drive, ONE_BY_ONE, PACED, type Run, wallsOf } from "../drive.ts";
import type { Row, Section } from "../section.ts";
import { sandboxIndexes, SANDBOXES, type Site } from "../site.ts";
import { median, p95 } from "../statistics.ts";
import { type Extra, plexusRun, type Verb, VERBS } from "../workload.ts";

const IDLE_NETWORKS = 5_000;

export async function measureDaemon(bench: Bench): Promise<readonly Section[]> {
  return [await measureStart(bench), await measureCpu(bench), await measureMemory(bench), await measureLoop(bench)];
}

async function measureStart({ site, times, progress }: Bench): Promise<Section> {
  const starts = times(15, 3);
  progress(`daemon: ${starts} starts`);
  const few: number[] = [];
  const many: number[] = [];
  const first: number[] = [];
  const node: number[] = [];
  for (let i = 0; i < starts; i++) {
    await withDaemon(site, { name: "start", sandboxes: 1 }, async (daemon) => {
      few.push(daemon.readyMs);
      const addAndDel = VERBS.map((verb) => operation(site, daemon, verb, 1, 0));
      first.push(...wallsOf(await drive(site, addAndDel, PACED), "ADD"));
    });
    many.push(await withDaemon(site, { name: "start-many" }, async ({ readyMs }) => readyMs));
    const began = performance.now();
    execFileSync(process.execPath, ["-e", "0"]);
    node.push(performance.now() - began);
  }
  return {
    title: "Start",
    note: "From spawn until the socket speaks HTTP/2; in turns with `node -e 0` from spawn to exit.",
    columns: ["p50 ms", "p95 ms"],
    rows: [
      { name: "daemon ready", values: [median(few), p95(few)] },
      { name: "its first ADD 1+1, no-op plugins", values: [median(first), p95(first)] },
      { name: `daemon ready, ${4 * SANDBOXES} pods`, values: [median(many), p95(many)] },
      { name: "`node -e 0`", values: [median(node), p95(node)] },
    ],
  };
}

async function measureCpu({ site, times, progress }: Bench): Promise<Section> {
  const rounds = times(5, 1);
  progress(`daemon: CPU, ${rounds} rounds`);
  const rows: Row[] = [];
  await withDaemon(site, { name: "cpu" }, async (daemon) => {
    await cycle(site, daemon, 1);
    for (const extra of [1, 4] as const) {
      const used = { ADD: [0, 0], DEL: [0, 0] };
      for (let i = 0; i < rounds; i++) {
        for (const verb of VERBS) {
          const before = await daemon.usage();
          await everySandbox(site, daemon, verb, extra);
          const after = await daemon.usage();
          const [own = 0, launcher = 0] = used[verb];
          used[verb] = [own + after.daemonCpu - before.daemonCpu, launcher + after.launcherCpu - before.launcherCpu];
        }
      }
      const operations = rounds * SANDBOXES;
      rows.push(
        ...VERBS.map((verb) => ({ name: `${verb} 1+${extra}`, values: used[verb].map((ms) => ms / operations) })),
      );
    }
  });
  return {
    title: "CPU time per operation",
    note: `User and system time from /proc/PID/stat over ${rounds * SANDBOXES} operations back to back, no-op plugins; the plugins' own is left out.`,
    columns: ["daemon ms", "launcher ms"],
    rows,
  };
}

async function measureMemory({ site, times, progress }: Bench): Promise<Section> {
  const cycles = times(10, 1);
  progress(`daemon: memory, ${cycles * SANDBOXES} ADDs and DELs`);
  const idle = await withDaemon(site, { name: "idle", sandboxes: 1 }, (daemon) => daemon.usage());
  const [before, worked] = await withDaemon(site, { name: "memory" }, async (daemon) => {
    const usage = await daemon.usage();
    for (let i = 0; i < cycles; i++) await cycle(site, daemon, 1);
    return [usage, await daemon.usage()];
  });
  const crowd = { name: "crowd", sandboxes: 1, idleNetworks: IDLE_NETWORKS };
  const crowded = await withDaemon(site, crowd, (daemon) => daemon.usage());
  const row = (name: string, usage: Usage): Row => ({ name, values: [usage.daemonMemory, usage.launcherMemory] });
  return {
    title: "Resident memory",
    note: "VmRSS, right after the start and later. Pods and networks come from one large manifest here, which is YAML and takes memory to read; below there is what the daemon takes in a cluster.",
    columns: ["daemon MiB", "launcher MiB"],
    rows: [
      row("idle", idle),
      row(`idle, ${4 * SANDBOXES} pods`, before),
      row(`then after ${cycles * SANDBOXES} ADD and DEL 1+1`, worked),
      row(`idle, ${IDLE_NETWORKS} NetworkAttachmentDefinitions`, crowded),
    ],
  };
}

async function measureLoop({ site, times, progress }: Bench): Promise<Section> {
  const rounds = times(7, 2);
  progress(`daemon: event loop, ${rounds} rounds`);
  const rows = await withDaemon(site, { name: "loop", watchLoop: true }, async (daemon) => {
    await cycle(site, daemon, 1);
    const row = async (name: string, work: () => Promise<unknown>): Promise<Row> => {
      const seen = [];
      for (let i = 0; i < rounds; i++) {
        await daemon.loopDelay();
        await work();
        seen.push(await daemon.loopDelay());
      }
      const values = [seen.map(({ p50 }) => p50), seen.map(({ p99 }) => p99), seen.map(({ most }) => most)];
      return { name, values: values.map(median) };
    };
    return [
      await row("idle", () => new Promise((resolve) => setTimeout(resolve, 500))),
      await row(`ADD and DEL 1+1, ${SANDBOXES} at once`, () => cycle(site, daemon, SANDBOXES)),
    ];
  });
  return {
    title: "Delay of the daemon's event loop",
    note: `monitorEventLoopDelay, preloaded into the daemon, 1 ms resolution; the median of ${rounds} rounds.`,
    columns: ["p50 ms", "p99 ms", "longest ms"],
    rows,
  };
}

async function cycle(site: Site, daemon: Daemon, parallel: number): Promise<void> {
  for (const verb of VERBS) await everySandbox(site, daemon, verb, 1, parallel);
}

/** The same operation on all sandboxes. */
export async function everySandbox(site: Site, daemon: Daemon, verb: Verb, extra: Extra, parallel = 1): Promise<void> {
  const runs = sandboxIndexes(SANDBOXES).map((index) => operation(site, daemon, verb, extra, index));
  await drive(site, runs, { ...ONE_BY_ONE, parallel });
}

function operation(site: Site, daemon: Daemon, verb: Verb, extra: Extra, index: number): Run {
  return plexusRun(site, daemon, { label: verb, verb, kind: "noop", extra, index });
}
