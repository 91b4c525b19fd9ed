/** The node tests run in this test's namespaces. They stand for a machine with state of its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { here } from "../host.ts";

const RUN_MS = 300_000;

/** These failed on a machine with other veth pairs, and with old or no files in /var/lib/cni. */
const SENSITIVE = ["test/node/install", "test/node/migration", "test/node/sandbox/cluster-network.test.ts"];

/** Puts on the machine what a node that once ran Multus, or a laptop with containers, has. */
function addMachineState(): void {
  execFileSync("ip", ["link", "add", "other0", "type", "veth", "peer", "name", "other1"]);
  for (const file of ["networks/other/10.1.0.2", "multus/results/other-net1", "multus/other", "flannel/other"]) {
    const path = `/var/lib/cni/${file}`;
    mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    writeFileSync(path, "{}");
  }
}

function machineState(): string {
  return execFileSync("sh", ["-c", "ip -o link | cut -d: -f2; find /run /var/lib"], { encoding: "utf8" });
}

function startVitest(files: readonly string[]): { readonly child: ChildProcess; readonly output: () => string } {
  const args = ["run", "--project", "node", ...files];
  const child = spawn(here("node_modules/.bin/vitest"), args, { cwd: here(), stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output };
}

async function runVitest(files: readonly string[]): Promise<{ readonly status: number | null; readonly said: string }> {
  const { child, output } = startVitest(files);
  const [status] = (await once(child, "close")) as [number | null];
  return { status, said: output() };
}

/** Lists the processes of this namespace whose command line has one of the words. */
function processesWith(words: readonly string[]): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(commandLine)
    .filter((line) => words.some((word) => line.includes(word)));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

describe.skipIf(process.getuid?.() !== 0)("the node tests on a machine with state of its own", () => {
  it("pass side by side, and leave the machine as it was", { timeout: RUN_MS }, async () => {
    addMachineState();
    const before = machineState();
    const [one, other] = await Promise.all([runVitest(SENSITIVE), runVitest(SENSITIVE)]);
    expect(one.status, one.said).toBe(0);
    expect(other.status, other.said).toBe(0);
    expect(machineState()).toBe(before);
  });

  it("end with a vitest that is killed: no daemon and no host stays", { timeout: RUN_MS }, async () => {
    const { child, output } = startVitest(["test/node/restart"]);
    const daemons = () => processesWith(["plexus-daemon"]);
    await expect.poll(daemons, { timeout: RUN_MS / 2 }).not.toEqual([]);
    expect(child.exitCode, output()).toBe(null);
    child.kill("SIGKILL");
    const rest = () =>
      processesWith(["plexus-daemon", "plexus-launcher", "sleep infinity", "restart.test.ts", "unshare"]);
    await expect.poll(rest, { timeout: RUN_MS / 2 }).toEqual([]);
  });
});
