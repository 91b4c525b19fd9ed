/** A host whose only plugin is the quickest there is, so that the daemon itself is what a flood meets. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { here, type Host, makeHost } from "../host.ts";
import { BIN, type CniAnswer, makePlexus, MANIFESTS, type Plexus, podArgs, RECORDS } from "../plexus.ts";

const NETNS = "/run/netns/flood";
const CONF_FILE = "/etc/plexus/flood.json";
const CONF = JSON.stringify({
  cniVersion: "1.1.0",
  name: "plexus",
  type: "plexus",
  delegates: [{ cniVersion: "1.1.0", name: "pods", type: "noop" }],
});

const SETTLED_MS = 20_000;
/** The daemon must have been idle for a while before it gives back what it does not need. */
const GIVEN_BACK_MS = 30_000;
const FOREVER_MS = 600_000;

/** An ADD that its caller may kill. */
export interface Started {
  kill(): void;
  /** Its exit status, none if it was killed. */
  readonly ended: Promise<number | null>;
}

/** What daemon and launcher hold. */
export interface Held {
  /** What their descriptors lead to, without numbers, in order. */
  readonly daemon: readonly string[];
  readonly launcher: readonly string[];
  /** Process ids of plugins. */
  readonly plugins: readonly string[];
  /** Records and deletions put off. */
  readonly files: string;
}

export interface FloodSite {
  readonly plexus: Plexus;
  /** The daemon's socket, as it is outside. */
  readonly socket: string;
  cni(verb: "ADD" | "DEL" | "STATUS", sandbox: string): Promise<CniAnswer>;
  startAdd(sandbox: string): Started;
  /** Stops the daemon's process until it is released. */
  hold(): void;
  release(): void;
  /** DEL as often as it takes to succeed. */
  delete(sandbox: string): Promise<void>;
  held(): Promise<Held>;
  /** What is held when it is as expected, or else after a while. */
  heldInTheEnd(expected: Held): Promise<Held>;
  /** Resident memory in MiB. */
  memory(): Promise<{ readonly daemon: number; readonly launcher: number }>;
  /** Resolves with what the daemon takes when that is no more than so much, or else after a while. */
  memoryInTheEnd(most: number): Promise<number>;
  stop(): Promise<void>;
}

export async function makeFloodSite(): Promise<FloodSite> {
  const host: Host = await makeHost();
  const plexus = await makePlexus(host);
  await host.sh(`ip netns add flood && cp ${here("dist/test-plugins/noop")} ${BIN}/noop`);
  await host.write(`${MANIFESTS}/pod.yaml`, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod\n");
  await host.write(CONF_FILE, CONF);
  await plexus.start();
  const daemon = String(plexus.pid);
  const launcher = (await childrenOf(daemon)).join();

  const site: FloodSite = {
    plexus,
    socket: `/proc/${daemon}/root/run/plexus/plexus.sock`,
    cni: (verb, sandbox) => plexus.cni({ verb, containerId: sandbox, netns: NETNS, args: podArgs("pod"), conf: CONF }),
    startAdd(sandbox) {
      const child = host.spawn(["sh", "-c", `exec ${here("dist/plexus")} <${CONF_FILE}`], {
        CNI_COMMAND: "ADD",
        CNI_CONTAINERID: sandbox,
        CNI_NETNS: NETNS,
        CNI_IFNAME: "eth0",
        CNI_ARGS: podArgs("pod"),
        CNI_PATH: BIN,
      });
      child.stdout?.resume();
      child.stderr?.resume();
      return {
        kill: () => child.kill("SIGKILL"),
        ended: new Promise((resolve) => child.once("close", resolve)),
      };
    },
    hold: () => void process.kill(Number(daemon), "SIGSTOP"),
    release: () => void process.kill(Number(daemon), "SIGCONT"),
    async delete(sandbox) {
      const deadline = AbortSignal.timeout(FOREVER_MS);
      let { status, stdout } = await site.cni("DEL", sandbox);
      while (status !== 0) {
        if (deadline.aborted) throw new Error(`DEL of ${sandbox} does not succeed: ${stdout}`);
        ({ status, stdout } = await site.cni("DEL", sandbox));
      }
    },
    held: async () => ({
      daemon: await descriptorsOf(daemon),
      launcher: await descriptorsOf(launcher),
      plugins: await childrenOf(launcher),
      files: await host.sh(`find ${RECORDS} /var/lib/plexus/spool -type f ! -name '*lock'`),
    }),
    async heldInTheEnd(expected) {
      const deadline = AbortSignal.timeout(SETTLED_MS);
      let held = await site.held();
      while (JSON.stringify(held) !== JSON.stringify(expected) && !deadline.aborted) {
        await pause(20);
        held = await site.held();
      }
      return held;
    },
    memory: async () => ({ daemon: await residentMib(daemon), launcher: await residentMib(launcher) }),
    async memoryInTheEnd(most) {
      const deadline = AbortSignal.timeout(GIVEN_BACK_MS);
      let mib = await residentMib(daemon);
      while (mib > most && !deadline.aborted) {
        await pause(100);
        mib = await residentMib(daemon);
      }
      return mib;
    },
    async stop() {
      await plexus.kill();
      await host.stop();
    },
  };
  return site;
}

async function childrenOf(pid: string): Promise<readonly string[]> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, "utf8")));
  return lists.join(" ").split(/\s+/).filter(Boolean);
}

async function descriptorsOf(pid: string): Promise<readonly string[]> {
  const directory = `/proc/${pid}/fd`;
  const numbers = await readdir(directory);
  const targets = await Promise.all(numbers.map((number) => readlink(`${directory}/${number}`).catch(() => "closed")));
  return targets.map((target) => target.replace(/\d+/g, "N")).sort();
}

async function residentMib(pid: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return Math.round(Number(kib) / 102.4) / 10;
}
