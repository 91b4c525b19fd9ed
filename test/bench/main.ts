/**
 * The benchmark: what Plexus costs, beside what the same plugins cost without it.
 *
 *   node test/bench/main.ts [--quick] [--only GROUP]... [--write-docs]
 *
 * Prints its tables to standard output, progress to standard error, and leaves the numbers in dist/bench.json. Needs root.
 *
 * Here it only builds the walls: all of it happens in mount, network and process namespaces of its own, under one temporary
 * directory, so that nothing of it is left on the machine however it ends.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseBenchArgs } from "./options.ts";

parseBenchArgs(process.argv.slice(2));
if (process.getuid?.() !== 0) {
  console.error("bench: this needs root, for it makes network namespaces (sudo npm run bench)");
  process.exit(1);
}

// Not the directory for temporary files, which is often in memory: a journal belongs on a disk.
const directory = await mkdtemp("/var/tmp/plexus-bench-");
const namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
const inside = [process.execPath, join(import.meta.dirname, "inside.ts"), directory];
const child = spawn("unshare", [...namespaces, ...inside, ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, TMPDIR: directory },
});
// The process inside is the first of its namespace: when it is killed, so is everything that it started.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => child.kill("SIGKILL"));
try {
  const [status] = (await once(child, "exit")) as [number | null];
  process.exitCode = status ?? 1;
} finally {
  // What is being killed may still write.
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
