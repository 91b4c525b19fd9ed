/**
 * The long tests: those that grow with PLEXUS_SOAK in the environment, in that long form. Ends with status 0 when all of them passed.
 *
 *   node scripts/soak.ts
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const env = { ...process.env, PLEXUS_SOAK: "1" };

const runs: readonly (readonly string[])[] = [
  ["--project", "node", "test/node/restart", "test/node/crash", "test/node/flood"],
  ["--project", "unit", "test/model"],
];

let failed = 0;
for (const args of runs) {
  const child = spawn(join(root, "node_modules/.bin/vitest"), ["run", ...args], {
    cwd: root,
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) failed += 1;
}
console.log(failed === 0 ? "soak: passed" : `soak: ${failed} of ${runs.length} runs failed`);
process.exitCode = failed === 0 ? 0 : 1;
