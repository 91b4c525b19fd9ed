/**
 * A machine of the cluster's own, made of namespaces: its own network, mounts, processes and host name. /run is fresh at each boot; /etc, /var and
 * /opt take writes that no other machine sees, and keep them when the power is cut. Control groups are the real machine's, below one of its own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { until } from "./until.ts";

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** Where a machine is, for any process on the real one. */
export interface MachineKey {
  readonly name: string;
  readonly address: string;
  /** Of files that machine.sh writes. */
  readonly directory: string;
  /** Where executables are looked for. */
  readonly path: string;
  /** Below every hierarchy of control groups. */
  readonly cgroup: string;
}

export interface Machine {
  readonly key: MachineKey;
  /** Runs a command inside to its end. */
  run(command: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Like run, and rejects unless it ends with status 0. Resolves with what it printed. */
  sh(script: string, options?: RunOptions): Promise<string>;
  write(path: string, content: string): Promise<void>;
  /** Kills every process at once and boots again from what is on disk. Resolves when the machine is up; nothing runs on it then. */
  cutPower(): Promise<void>;
}

export interface OwnMachine extends Machine {
  stop(): Promise<void>;
}

/** The machine that has the bridge, and the way out of all others; the API server listens there, at the service's address too. */
export const HUB = "hub";
export const HUB_ADDRESS = "10.77.0.1";
export const SERVICE_ADDRESS = "10.96.0.1";

const BOOT_MS = 30_000;

/** Stays until the machine is gone, and then, whatever ended it, removes its control groups. */
const KEEP = `
unshare --mount --propagation private sh "$0" "$@"
find /sys/fs/cgroup -depth -type d -path "/sys/fs/cgroup*/$CGROUP*" -exec rmdir {} + 2>/dev/null
rmdir /sys/fs/cgroup/*/"\${CGROUP%/*}" /sys/fs/cgroup/"\${CGROUP%/*}" 2>/dev/null`;

const bootsOf = ({ directory, name }: MachineKey): string => join(directory, `${name}.boots`);

/** How often the machine has come up. */
async function boots(key: MachineKey): Promise<number> {
  return (await readFile(bootsOf(key), "utf8").catch(() => "")).split("\n").length - 1;
}

const awaitBoot = (key: MachineKey, count: number): Promise<true> =>
  until(`${key.name} is up`, async () => ((await boots(key)) >= count ? true : undefined), { withinMs: BOOT_MS });

export async function makeMachine(key: MachineKey): Promise<OwnMachine> {
  const { directory, name, address, path, cgroup } = key;
  const keeper = spawn("sh", ["-c", KEEP, join(import.meta.dirname, "machine.sh"), directory, name, address], {
    stdio: ["pipe", "ignore", "inherit"],
    env: {
      ...{ PATH: path, CGROUP: cgroup, HUB, GATEWAY: HUB_ADDRESS, SERVICE_ADDRESS },
      BOOTS: bootsOf(key),
    },
    // Not to be reached by what a terminal sends.
    detached: true,
  });
  const gone = once(keeper, "exit");
  await Promise.race([
    awaitBoot(key, 1),
    gone.then(() => Promise.reject(new Error(`the machine ${name} could not be made of namespaces`))),
  ]);
  return {
    ...enterMachine(key),
    async stop() {
      keeper.stdin.destroy();
      await gone;
      await rm(bootsOf(key), { force: true });
    },
  };
}

/** The process id, as seen from outside, of the first process of the machine's present boot. */
function kernelOf({ directory, name }: MachineKey): number {
  const keeper = readFileSync(join(directory, `${name}.kernel`), "utf8").trim();
  return Number.parseInt(readFileSync(`/proc/${keeper}/task/${keeper}/children`, "utf8"), 10);
}

/** The machine that another process keeps. */
export function enterMachine(key: MachineKey): Machine {
  const machine: Machine = {
    key,
    run: (command, { env = {}, stdin = "" } = {}) =>
      run(
        [
          "nsenter",
          "--target",
          String(kernelOf(key)),
          ..."mnupi".split("").map((flag) => `-${flag}`),
          "--",
          ...command,
        ],
        {
          env: { PATH: key.path, HOME: "/run", ...env },
          stdin,
        },
      ),
    async sh(script, options) {
      const { status, stdout, stderr } = await machine.run(["sh", "-c", script], options);
      if (status !== 0) throw new Error(`${key.name}: ${script}: ended with ${String(status)}: ${stderr}${stdout}`);
      return stdout;
    },
    async write(path, content) {
      await machine.sh(`mkdir -p "$(dirname '${path}')" && cat >'${path}.new' && mv '${path}.new' '${path}'`, {
        stdin: content,
      });
    },
    async cutPower() {
      const before = await boots(key);
      process.kill(kernelOf(key), "SIGKILL");
      await awaitBoot(key, before + 1);
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
