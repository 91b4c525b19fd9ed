/** What it costs that the journal survives a power cut: the same work with its directory in memory, where a sync does nothing. */
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { type Daemon, withDaemon } from "../daemon.ts";
import { drive, PACED, type Run, wallsOf } from "../drive.ts";
import type { Row, Section } from "../section.ts";
import { sandboxIndexes, type Site } from "../site.ts";
import { median, p95 } from "../statistics.ts";
import { plexusRun, type Verb, VERBS } from "../workload.ts";

export async function measureDurability({ site, times, progress }: Bench): Promise<readonly Section[]> {
  const sandboxes = times(200, 10);
  progress(`durability: ${sandboxes} sandboxes`);
  const timings = await withDaemon(site, { name: "disk" }, (onDisk) =>
    withDaemon(site, { name: "memory-state", stateIn: "memory" }, (inMemory) => {
      const runs = sandboxIndexes(sandboxes).flatMap((index) => [
        ...addAndDel(site, onDisk, "disk", index),
        ...addAndDel(site, inMemory, "memory", index),
      ]);
      return drive(site, runs, PACED);
    }),
  );
  const row = (verb: Verb): Row => {
    const [disk, memory] = [wallsOf(timings, `disk-${verb}`), wallsOf(timings, `memory-${verb}`)];
    return { name: `${verb} 1+1 paced`, values: [median(disk), p95(disk), median(memory), p95(memory)] };
  };
  const syncs = await writeAndSync(site.directory, sandboxes);
  const ramSyncs = await writeAndSync(site.ramDirectory, sandboxes);
  return [
    {
      title: "Durability",
      note: "Two daemons, called in turns, no-op plugins; an ADD syncs its record twice, a DEL syncs its removal. Last, for comparison, a new file of 2 KiB.",
      columns: ["disk p50 ms", "disk p95 ms", "memory p50 ms", "memory p95 ms"],
      rows: [
        row("ADD"),
        row("DEL"),
        { name: "write and sync a file", values: [median(syncs), p95(syncs), median(ramSyncs), p95(ramSyncs)] },
      ],
    },
  ];
}

function addAndDel(site: Site, daemon: Daemon, where: "disk" | "memory", index: number): readonly Run[] {
  return VERBS.map((verb) =>
    plexusRun(site, daemon, { label: `${where}-${verb}`, verb, kind: "noop", extra: 1, index }),
  );
}

async function writeAndSync(directory: string, times: number): Promise<readonly number[]> {
  const path = join(directory, "sync-me");
  const walls: number[] = [];
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    const file = await open(path, "wx");
    await file.writeFile("x".repeat(2048));
    await file.sync();
    await file.close();
    walls.push(performance.now() - began);
    await rm(path);
  }
  return walls;
}
