/**
 * A machine of the cluster's own, made of namespaces: its own network, mounts and processes. It has a fresh /run, and /etc, /var and /opt
 * take writes that nobody else sees. Only control groups are the real machine's, below one of its own. All processes in it end with it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

export interface Machine {
  /** Of the process that keeps it, as seen from outside. */
  readonly pid: number;
  /** Runs a command inside to its end. */
  run(command: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Like run, and rejects unless it ends with status 0. Resolves with what it printed. */
  sh(script: string, options?: RunOptions): Promise<string>;
  write(path: string, content: string): Promise<void>;
}

export interface OwnMachine extends Machine {
  /** Below every hierarchy of control groups. */
  readonly cgroup: string;
  stop(): Promise<void>;
}

/** The node's own address, and that of the service `kubernetes`, at which the API server listens so that nobody has to forward it. */
export const NODE_ADDRESS = "172.31.255.1";
export const SERVICE_ADDRESS = "10.96.0.1";

/** Stays until the machine is gone, and then, whoever ended it, takes away what it has left. */
const KEEP = `
unshare --mount --net --pid --fork --kill-child --mount-proc sh "$0"
find /sys/fs/cgroup -depth -type d -path "/sys/fs/cgroup*/$CGROUP*" -exec rmdir {} +`;

/** @param path where executables are looked for */
export async function makeMachine(path: string): Promise<OwnMachine> {
  const cgroup = `plexus-cluster-${process.pid}`;
  const keeper = spawn("sh", ["-c", KEEP, join(import.meta.dirname, "machine.sh")], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH: path, CGROUP: cgroup, NODE_ADDRESS, SERVICE_ADDRESS },
    // Not to be reached by what a terminal sends.
    detached: true,
  });
  const gone = once(keeper, "exit");
  const first = await Promise.race([once(keeper.stdout, "data"), gone]);
  if (String(first[0]) !== "ready\n") throw new Error("a machine of namespaces could not be made");
  const unshare = await childOf(keeper.pid);
  return {
    ...enterMachine(await childOf(unshare), path),
    cgroup,
    async stop() {
      keeper.stdin.destroy();
      await gone;
    },
  };
}

async function childOf(pid: number | undefined): Promise<number> {
  return Number.parseInt(await readFile(`/proc/${String(pid)}/task/${String(pid)}/children`, "utf8"), 10);
}

/** The machine that a process keeps. */
export function enterMachine(pid: number, path: string): Machine {
  const machine: Machine = {
    pid,
    run: (command, { env = {}, stdin = "" } = {}) =>
      run(["nsenter", "--target", String(pid), "--mount", "--net", "--pid", "--", ...command], {
        env: { PATH: path, HOME: "/run", ...env },
        stdin,
      }),
    async sh(script, options) {
      const { status, stdout, stderr } = await machine.run(["sh", "-c", script], options);
      if (status !== 0) throw new Error(`${script}: ended with ${String(status)}: ${stderr}${stdout}`);
      return stdout;
    },
    async write(path, content) {
      await machine.sh(`mkdir -p "$(dirname '${path}')" && cat >'${path}.new' && mv '${path}.new' '${path}'`, {
        stdin: content,
      });
    },
  };
  return machine;
}

async function run(
  [name = "", ...args]: readonly string[],
  { env, stdin = "" }: { readonly env: NodeJS.ProcessEnv; readonly stdin?: string },
): Promise<Ended> {
  const child = spawn(name, args, { env, cwd: "/" });
  child.stdin.on("error", () => undefined).end(stdin);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { status, stdout, stderr };
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
