/**
 * The long tests: those that grow with PLEXUS_SOAK in the environment, in that long form; and then scripts/prove.ts, which shows that tests notice
 * when what they are about is taken away. Ends with status 0 when all of it passed.
 *
 *   node scripts/soak.ts
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const env = { ...process.env, PLEXUS_SOAK: "1" };

const vitest = join(root, "node_modules/.bin/vitest");
const runs: readonly (readonly [string, readonly string[], NodeJS.ProcessEnv])[] = [
  [vitest, ["run", "--project", "node", "test/node/restart", "test/node/crash", "test/node/flood"], env],
  [vitest, ["run", "--project", "unit", "test/model"], env],
  [process.execPath, [join(root, "scripts/prove.ts")], process.env],
];

let failed = 0;
for (const [command, args, env] of runs) {
  const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) failed += 1;
}
console.log(failed === 0 ? "soak: passed" : `soak: ${failed} of ${runs.length} runs failed`);
process.exitCode = failed === 0 ? 0 : 1;
