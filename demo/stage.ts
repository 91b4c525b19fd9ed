/**
 * The node on which the demo plays. demo/main.ts starts it in network, mount and process namespaces of its own, so whatever is made here or
 * by a plugin (links, addresses, firewall rules, sysctls of the network, files) is not seen outside, and is gone when the demo ends.
 */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./run.ts";

/** Where the daemon, the runtime and the plugins keep what they keep. */
const STATE_DIRECTORIES = ["/run", "/var/lib"];

/** The node's address in the outside world: one that is set aside for documentation. */
export const NODE_ADDRESS = "192.0.2.10";

/** @param root the project's directory, which must be the working directory too */
export async function setStage(root: string): Promise<void> {
  for (const directory of STATE_DIRECTORIES) await run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", directory);
  if (STATE_DIRECTORIES.some((directory) => root.startsWith(`${directory}/`))) await bringBack(root);
  await run("ip", "link", "set", "lo", "up");
  await run("ip", "address", "add", `${NODE_ADDRESS}/32`, "dev", "lo");

  // On a real node the flannel daemon writes it.
  await mkdir("/run/flannel");
  await copyFile(join(root, "demo/subnet.env"), "/run/flannel/subnet.env");
}

/** The project itself has just been hidden; the working directory is the one way that still leads to it. */
async function bringBack(root: string): Promise<void> {
  await mkdir(root, { recursive: true });
  await run("mount", "--no-canonicalize", "--bind", ".", root);
}

/** Processes of the stage other than the demo itself. Those that have ended do not count, whether or not they were waited for. */
export async function otherProcesses(): Promise<readonly string[]> {
  const listed = await run("ps", "-e", "-o", "pid=,ppid=,stat=,args=");
  const rows = listed
    .trim()
    .split("\n")
    .map((row) => row.trim().split(/\s+/));
  return rows
    .filter(([, parent, state]) => parent !== "0" && !state?.startsWith("Z"))
    .map(([, , , ...args]) => args.join(" "))
    .filter((args) => !args.startsWith("ps "));
}
