/** A daemon to measure: the shipped bundle, with a directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { connect as connectSession } from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DAEMON, SANDBOXES, type Site } from "./site.ts";
import { type Caller, KINDS, networkObjects, podObjects, type Population, writeCallerConfs } from "./workload.ts";

export interface DaemonOptions {
  /** Names its directory. */
  readonly name: string;
  /** Its journal is on the disk unless this says memory. */
  readonly stateIn?: "disk" | "memory";
  /** Follows the pods of `NODE` and the networks of this cluster, instead of a manifest. */
  readonly kubeconfig?: string;
  /** Its manifest holds pods for so many sandboxes; for all, unless this says fewer. */
  readonly sandboxes?: number;
  /** NetworkAttachmentDefinitions beside those in use. */
  readonly idleNetworks?: number;
  readonly watchLoop?: boolean;
}

export interface Daemon extends Caller {
  /** From its start until its socket spoke HTTP/2. */
  readonly readyMs: number;
  /** From its start until it knew pods and networks, as its log tells. Only for a daemon with `kubeconfig`. */
  syncedMs(): Promise<number>;
  usage(): Promise<Usage>;
  /** How late timers were since this was last asked. Only for a daemon with `watchLoop`. */
  loopDelay(): Promise<LoopDelay>;
}

/** CPU time in milliseconds since the start, resident memory in MiB. */
export interface Usage {
  readonly daemonCpu: number;
  readonly launcherCpu: number;
  readonly daemonMemory: number;
  readonly launcherMemory: number;
}

/** In milliseconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** Where the pods of samples.ts are. */
const NODE = "node-a";
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;
const ANSWER_DEADLINE_MS = 5_000;
/** In which /proc counts CPU time. Linux shows it as hundredths of a second on every architecture. */
const TICK_MS = 10;

/** Starts a daemon for as long as the work takes. */
export async function withDaemon<T>(
  site: Site,
  { name, stateIn = "disk", kubeconfig, sandboxes = SANDBOXES, idleNetworks = 0, watchLoop = false }: DaemonOptions,
  work: (daemon: Daemon) => Promise<T>,
): Promise<T> {
  const directory = join(site.directory, name);
  const socketDir = join(directory, "run");
  const manifestDir = join(directory, "manifests");
  const population = { kinds: KINDS, sandboxes, idlePods: 0, idleNetworks };
  if (kubeconfig === undefined) await writeManifest(site, manifestDir, population);
  const source = kubeconfig === undefined ? { manifestDir } : { nodeName: NODE, kubeconfig };
  const stateDir = join(stateIn === "disk" ? directory : join(site.ramDirectory, name), "state");
  const caller = await writeCallerConfs(site, directory, socketDir);
  const config = join(directory, "config.json");
  await writeFile(config, JSON.stringify({ socketDir, stateDir, binDir: site.pluginDirs[0], ...source }));

  const logFile = join(directory, "log");
  const log = await open(logFile, "a");
  const beganAt = Date.now();
  const began = performance.now();
  const child = spawn(DAEMON, ["--config", config], {
    env: { ...process.env, NODE: process.execPath, ...(watchLoop && { NODE_OPTIONS: probed }) },
    stdio: ["ignore", log.fd, log.fd, ...(watchLoop ? (["ipc"] as const) : [])],
  });
  await log.close();
  const ended = once(child, "exit");
  try {
    await answering(join(socketDir, "plexus.sock"), child, logFile);
    const readyMs = performance.now() - began;
    const launcher = await onlyChild(child.pid);
    return await work({
      ...caller,
      readyMs,
      syncedMs: async () => (await following(logFile, beganAt)) - beganAt,
      usage: async () => ({
        daemonCpu: await cpuOf(child.pid),
        launcherCpu: await cpuOf(launcher),
        daemonMemory: await memoryOf(child.pid),
        launcherMemory: await memoryOf(launcher),
      }),
      loopDelay: async () => {
        const answer = once(child, "message", { signal: AbortSignal.timeout(ANSWER_DEADLINE_MS) });
        child.send({});
        const [delay] = (await answer) as [LoopDelay];
        return delay;
      },
    });
  } finally {
    child.kill("SIGTERM");
    const impatience = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
    await ended;
    clearTimeout(impatience);
  }
}

const probed = `--import ${join(import.meta.dirname, "probe.ts")}`;

async function writeManifest(site: Site, directory: string, population: Population): Promise<void> {
  const items = [...networkObjects(site, population), ...podObjects(population)];
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "all.json"), JSON.stringify({ apiVersion: "v1", kind: "List", items }));
}

/** Resolves when the server has sent its HTTP/2 settings. */
async function answering(socket: string, child: ChildProcess, log: string): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (!(await speaksHttp2(socket))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      throw new Error(`the daemon did not come up: ${await readFile(log, "utf8")}`);
    }
    await sleep(1);
  }
}

/** When the daemon that began then followed the second of pods and networks. In milliseconds since the epoch. */
async function following(log: string, beganAt: number): Promise<number> {
  const deadline = performance.now() + START_DEADLINE_MS;
  for (;;) {
    const lines = (await readFile(log, "utf8")).split("\n");
    // Node's own complaints are no JSON, and the last line may be half a one.
    const entries = lines
      .filter((line) => /^\{.*\}$/.test(line))
      .map((line) => JSON.parse(line) as { readonly msg: string; readonly time: number });
    const [, second] = entries.filter(({ msg, time }) => msg === "following the API server" && time >= beganAt);
    if (second !== undefined) return second.time;
    if (performance.now() > deadline) throw new Error(`the daemon does not get in sync: ${lines.join("\n")}`);
    await sleep(10);
  }
}

async function speaksHttp2(socket: string): Promise<boolean> {
  const session = connectSession("http://localhost", { createConnection: () => connect(socket) });
  try {
    await once(session, "remoteSettings");
    return true;
  } catch {
    return false;
  } finally {
    session.destroy();
  }
}

async function onlyChild(pid: number | undefined): Promise<number> {
  return Number((await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim());
}

/** User and system time of a process, its children's left out. */
async function cpuOf(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The second field is a name in parentheses and may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function memoryOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
