/** The place where it all happens: one directory, a pool of sandboxes, the programs that measure. */
import { execFile } from "node:child_process";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export const run = promisify(execFile);

const ROOT = join(import.meta.dirname, "../..");
const DIST = join(ROOT, "dist");
export const SHIM = join(DIST, "plexus");
export const DAEMON = join(DIST, "plexus-daemon");
export const RESULTS = join(DIST, "bench.json");
export const DOCS = join(ROOT, "docs/benchmarks.md");

/** Where Debian keeps the plugins of the CNI project. */
const PLUGIN_DIR = "/usr/lib/cni";

/** A pod's default network and the most that it gets beside it here. */
export const MOST_NETWORKS = 5;
/** As many sandboxes as are ever made at once. */
export const SANDBOXES = 100;

export interface Site {
  /** On a disk. */
  readonly directory: string;
  /** In memory. */
  readonly ramDirectory: string;
  readonly drive: string;
  readonly trueProgram: string;
  /** For CNI_PATH: the no-op plugins, then the real ones. */
  readonly pluginDirs: readonly string[];
}

/** Prepares the directory, which is empty. Whatever is mounted, goes with our mount namespace. */
export async function prepareSite(directory: string): Promise<Site> {
  const ramDirectory = join(directory, "ram");
  const binDir = join(directory, "bin");
  await mkdir(ramDirectory);
  await mkdir(binDir);
  await run("mount", ["-t", "tmpfs", "none", ramDirectory]);
  await run("mount", ["-t", "tmpfs", "none", "/run"]);
  await run("ip", ["link", "set", "lo", "up"]);
  for (let i = 0; i < MOST_NETWORKS; i++) await copyFile(join(DIST, "test-plugins/noop"), join(binDir, `noop${i}`));
  await makeNamespaces();
  return {
    directory,
    ramDirectory,
    drive: await compile("drive", binDir),
    trueProgram: await compile("true", binDir),
    pluginDirs: [binDir, PLUGIN_DIR],
  };
}

/** The numbers of so many sandboxes, from the first again when there are no more. */
export function sandboxIndexes(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index % SANDBOXES);
}

/** The network namespace of the n-th sandbox. */
export function netnsPath(index: number): string {
  return `/run/netns/sandbox${index}`;
}

async function makeNamespaces(): Promise<void> {
  const batch = run("ip", ["-batch", "-"]);
  const commands = sandboxIndexes(SANDBOXES).map((index) => `netns add sandbox${index}\n`);
  batch.child.stdin?.end(commands.join(""));
  await batch;
}

async function compile(name: string, binDir: string): Promise<string> {
  const program = join(binDir, name);
  const source = join(import.meta.dirname, `${name}.c`);
  await run("musl-gcc", ["-static", "-O2", "-Wall", "-Wextra", "-Werror", "-s", "-o", program, source]);
  return program;
}
