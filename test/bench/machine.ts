import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { run } from "./site.ts";

export interface Machine {
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Of the directory that holds the journal. */
  readonly fileSystem: string;
  readonly node: string;
  readonly date: string;
  /** When the measuring began. */
  readonly load: number;
}

export async function describeMachine(stateDirectory: string): Promise<Machine> {
  const { stdout } = await run("findmnt", ["--noheadings", "--output", "FSTYPE", "--target", stateDirectory]);
  return {
    kernel: release(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    fileSystem: stdout.trim(),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    load: loadavg()[0] ?? NaN,
  };
}

export function machineLine(machine: Machine): string {
  const { kernel, cpu, cores, memoryGiB, fileSystem, node, date, load } = machine;
  return `${date}: Linux ${kernel}, ${cpu}, ${cores} cores, ${memoryGiB} GiB, journal on ${fileSystem}, Node ${node}, load ${load.toFixed(1)} at the start`;
}
