/** The shipped daemon and executable on a host of the test's own, with directories where a node has them. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { here, type Host } from "./host.ts";

export interface CniCall {
  readonly verb: string;
  readonly containerId?: string;
  readonly netns?: string;
  readonly ifName?: string;
  readonly args?: string;
  readonly conf: string;
  /** CNI variables that differ from what a runtime would give; an empty one is unset. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface CniAnswer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What was printed, parsed; empty if nothing was. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Plexus {
  /** Resolves when the daemon says that it is ready. */
  start(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with its exit status. */
  terminate(): Promise<number | null>;
  /** Runs the executable as a container runtime would. */
  cni(call: CniCall): Promise<CniAnswer>;
  /** The daemon's log since it was first started. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  readonly pid: number | undefined;
}

export const MANIFESTS = "/etc/plexus/manifests";
export const RECORDS = "/var/lib/plexus/sandboxes";
export const BIN = "/opt/cni/bin";

/** Makes the directories of a node, with Debian's plugins and flannel in /opt/cni/bin. */
export async function makePlexus(host: Host, settings: Readonly<Record<string, unknown>> = {}): Promise<Plexus> {
  await host.sh(
    `mkdir -p ${MANIFESTS} ${BIN} /etc/cni/net.d && ln -s /usr/lib/cni/* ${BIN}/ && ln -s ${here(".cache/flannel/flannel")} ${BIN}/flannel`,
  );
  await host.write("/etc/plexus/daemon.json", JSON.stringify({ manifestDir: MANIFESTS, podWaitMs: 500, ...settings }));
  const log: Record<string, unknown>[] = [];
  let daemon: ChildProcess | undefined;

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const child = daemon;
    daemon = undefined;
    if (child === undefined) return null;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    child.kill(signal);
    const [status] = (await once(child, "exit")) as [number | null];
    return status;
  }

  return {
    log,
    get pid() {
      return daemon?.pid;
    },
    async start() {
      const child = host.spawn([here("dist/plexus-daemon"), "--config", "/etc/plexus/daemon.json"], {
        NODE: process.execPath,
      });
      daemon = child;
      const ready = Promise.withResolvers<undefined>();
      let complaint = "";
      child.stderr?.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
      child.once("exit", (status) => {
        ready.reject(new Error(`the daemon ended with ${String(status)}: ${complaint}`));
      });
      if (child.stdout === null) throw new Error("the daemon has no standard output");
      createInterface({ input: child.stdout }).on("line", (line) => {
        const entry = JSON.parse(line) as Record<string, unknown>;
        log.push(entry);
        if (entry["msg"] === "ready") ready.resolve(undefined);
      });
      await ready.promise;
    },
    kill: async () => {
      await end("SIGKILL");
    },
    terminate: () => end("SIGTERM"),
    async cni({ verb, containerId = "", netns = "", ifName = "eth0", args = "", conf, env = {} }) {
      const given = {
        CNI_COMMAND: verb,
        CNI_CONTAINERID: containerId,
        CNI_NETNS: netns,
        CNI_IFNAME: ifName,
        CNI_ARGS: args,
        CNI_PATH: BIN,
        ...env,
      };
      const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
      const ended = await host.run([here("dist/plexus")], { env: set, stdin: conf });
      const json = ended.stdout === "" ? {} : (JSON.parse(ended.stdout) as Record<string, unknown>);
      return { ...ended, json };
    },
  };
}

/** CNI_ARGS as the kubelet's runtime gives them. */
export function podArgs(name: string, namespace = "default", uid = ""): string {
  return `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name};K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=${uid}`;
}
