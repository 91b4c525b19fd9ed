/** Debian's containerd and runc on a host of the test's own, with all that they write in there; only control groups are the machine's. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { readdir, readFile, readlink, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe } from "vitest";
import type { Host } from "../host.ts";
import { findControlGroups, HIERARCHIES, nameControlGroup } from "../isolation/control-groups.ts";
import { CONTROL_GROUP_VARIABLE } from "../isolation/node-pool.ts";
import { type Cri, openCri } from "./cri.ts";
import { PAUSE_IMAGE, pauseImage } from "./pause-image.ts";

export interface Containerd {
  /** Of the containerd that runs now. */
  readonly cri: Cri;
  /** The parent of the sandboxes' control groups, in each hierarchy. */
  readonly cgroup: string;
  /** Resolves when it serves. */
  start(): Promise<void>;
  /** SIGTERM. Sandboxes go on. */
  terminate(): Promise<void>;
  /** kill -9. Sandboxes go on. */
  kill(): Promise<void>;
  /** Ends the processes of all sandboxes, and all that containerd has started besides, as a power cut would. */
  killSandboxes(): Promise<void>;
  /** Ends everything, and takes what the machine has of it away. */
  stop(): Promise<void>;
}

const CONFIG = "/etc/containerd/config.toml";
const SOCKET = "/run/containerd/containerd.sock";

/**
 * As cluster nodes have it, but for two things that not every machine allows: AppArmor, and to lower a process' oom score.
 * The root is on the host's tmpfs, for an overlay cannot be upon another.
 */
const SETTINGS = `
version = 2
root = "/mnt/containerd"
state = "/run/containerd"
[grpc]
  address = "${SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/mnt/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
    max_conf_num = 1
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;

/** A watcher for each sandbox, runc, and our executable. */
const CHILDREN: ReadonlySet<string> = new Set(["containerd-shim", "runc", "plexus"]);
const SOON_MS = 15_000;
/** Of containerd's log, the end is kept. */
const LOG_LENGTH = 8_000;

/** Starts containerd, with the image for sandboxes as its only one. */
export async function startContainerd(host: Host): Promise<Containerd> {
  const name = process.env[CONTROL_GROUP_VARIABLE] ?? nameControlGroup();
  await host.write(CONFIG, SETTINGS);
  const mountNamespace = (await host.sh("readlink /proc/self/ns/mnt")).trim();
  let child: ChildProcess | undefined;
  let cri: Cri | undefined;

  /** What containerd starts and does not take along when it ends. */
  async function children(): Promise<readonly number[]> {
    const found = await Promise.all(
      (await readdir("/proc"))
        .filter((name) => /^\d+$/.test(name))
        .map(async (pid) => {
          const [comm, namespace] = await Promise.all([
            readFile(`/proc/${pid}/comm`, "utf8"),
            readlink(`/proc/${pid}/ns/mnt`),
          ]).catch(() => ["", ""]);
          return CHILDREN.has(comm.trim()) && namespace === mountNamespace ? [Number(pid)] : [];
        }),
    );
    return found.flat();
  }

  async function sandboxed(): Promise<readonly number[]> {
    const lists = await Promise.all(
      (await findControlGroups(name)).map((directory) =>
        readFile(join(directory, "cgroup.procs"), "utf8").catch(() => ""),
      ),
    );
    return lists.flatMap((list) => list.split("\n").filter(Boolean).map(Number));
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    cri?.close();
    cri = undefined;
    const ending = child;
    child = undefined;
    if (ending?.exitCode !== null || ending.signalCode !== null) return;
    ending.kill(signal);
    await once(ending, "exit");
  }

  /** What would clean up goes first. */
  async function killSandboxes(): Promise<void> {
    const deadline = AbortSignal.timeout(SOON_MS);
    for (const find of [children, sandboxed]) {
      let pids = await find();
      while (pids.length > 0) {
        if (deadline.aborted) throw new Error(`processes ${pids.join()} do not end`);
        pids.forEach(kill);
        await pause(10);
        pids = await find();
      }
    }
  }

  const containerd: Containerd = {
    cgroup: `/${name}`,
    get cri() {
      if (cri === undefined) throw new Error("containerd does not run");
      return cri;
    },
    async start() {
      const started = host.spawn(["containerd", "--config", CONFIG]);
      child = started;
      const serves = Promise.withResolvers<undefined>();
      let log = "";
      started.stderr?.on("data", (chunk: Buffer) => {
        log = (log + chunk.toString()).slice(-LOG_LENGTH);
        if (log.includes("containerd successfully booted")) serves.resolve(undefined);
      });
      started.once("exit", (status) => serves.reject(new Error(`containerd ended with ${String(status)}: ${log}`)));
      await serves.promise;
      // The way into the host's directories from outside.
      cri = openCri(`/proc/${String(started.pid)}/root${SOCKET}`);
      await recovered(cri);
    },
    terminate: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    killSandboxes,
    async stop() {
      await end("SIGTERM");
      await killSandboxes();
      for (const directory of await findControlGroups(name)) await rmdir(directory);
    },
  };
  try {
    await containerd.start();
    const unpack = `base64 -d | ctr --address ${SOCKET} --namespace k8s.io images import -`;
    const { status, stderr } = await host.run(["sh", "-c", unpack], { stdin: (await pauseImage()).toString("base64") });
    if (status !== 0) throw new Error(`the image for sandboxes cannot be imported: ${stderr}`);
  } catch (error) {
    await containerd.stop();
    throw error;
  }
  return containerd;
}

/** Resolves when containerd knows its sandboxes: the interface refuses every call before that. */
async function recovered(cri: Cri): Promise<void> {
  const deadline = AbortSignal.timeout(SOON_MS);
  for (;;) {
    try {
      await cri.call("Status", { verbose: true });
      return;
    } catch (error) {
      if (deadline.aborted) throw error;
      await pause(10);
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

/** A suite that needs containerd. Where that cannot run, its title says why, and so does a line of its own. */
export function describeWithContainerd(title: string, suite: () => void): void {
  const why = obstacle();
  if (why !== undefined) process.stderr.write(`NOT RUN: ${title}: ${why}\n`);
  describe.skipIf(why !== undefined)(why === undefined ? title : `${title} (cannot run here: ${why})`, suite);
}

/** Why containerd cannot run on this machine, if it cannot. */
function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return "this needs root";
  const env = { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
  const missing = ["containerd", "runc"].filter((command) => spawnSync(command, ["--version"], { env }).status !== 0);
  if (missing.length > 0) return `${missing.join(" and ")} cannot be run`;
  try {
    accessSync(HIERARCHIES, constants.W_OK);
    return undefined;
  } catch {
    return "control groups cannot be made";
  }
}
