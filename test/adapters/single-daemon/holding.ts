import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { LAUNCHER } from "../launcher/workbench.ts";

/**
 * Another process that is the only daemon of the state directory, once it is. Gone when the test is.
 * @param command starts it, e.g. in namespaces of its own
 */
export async function holder(stateDir: string, command: readonly string[] = []): Promise<ChildProcess> {
  const script = join(import.meta.dirname, "holder.ts");
  const [file, ...args] = [...command, process.execPath, script, stateDir, LAUNCHER];
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}
