/** The daemon in a cluster: how soon it knows what there is, what that takes, and what it asks of the API server. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ApiServer, startApiServer } from "../../api-server/start-api-server.ts";
import type { Bench } from "../bench.ts";
import { type Usage, withDaemon } from "../daemon.ts";
import type { Row, Section } from "../section.ts";
import { MOST_NETWORKS, SANDBOXES } from "../site.ts";
import { median, p95 } from "../statistics.ts";
import { type Extra, networkObjects, podObjects, type Population, type Verb, VERBS } from "../workload.ts";
import { allAtOnce, type Attach, atOnce, oneByOne, paced } from "./attach.ts";
import { everySandbox } from "./daemon.ts";

const NETWORKS = 5_000;
const PODS = 250;
const POPULATION: Population = {
  kinds: ["noop"],
  sandboxes: SANDBOXES,
  idlePods: PODS - 2 * SANDBOXES,
  idleNetworks: NETWORKS - MOST_NETWORKS,
};
/** Without a request for so long, the daemon has done what an operation left to do. */
const QUIET_MS = 250;

export async function measureCluster(given: Bench): Promise<readonly Section[]> {
  const bench = { ...given, progress: (what: string) => given.progress(`cluster: ${what}`) };
  const { site, times, progress } = bench;
  const api = await startApiServer();
  try {
    for (const object of [...networkObjects(site, POPULATION), ...podObjects(POPULATION)]) api.put(object);
    const sync = await measureSync(bench, api);
    const worked = await withDaemon(site, { name: "cluster", kubeconfig: api.kubeconfig }, async (daemon) => {
      await daemon.syncedMs();
      await quiet(api);
      const idle = await daemon.usage();
      const attach: Attach = { ...bench, daemon, kind: "noop", renew: () => renewPods(api) };
      const rounds = times(5, 1);
      progress(`requests and memory, ${rounds * SANDBOXES} ADDs and DELs`);
      const few = await countRequests(attach, api, 1, rounds);
      const after = await daemon.usage();
      const many = await countRequests(attach, api, 4, 1);
      const single = [
        ...(await paced(attach, 1, times(SANDBOXES, 10))),
        ...(await paced(attach, 4, times(SANDBOXES, 10))),
      ];
      const together = [...(await atOnce(attach, 1, 32, times(10, 1))), ...(await atOnce(attach, 4, 32, times(10, 1)))];
      return [
        memorySection(idle, after, rounds * SANDBOXES),
        requestSection([...few, ...many]),
        oneByOne("In a cluster, no-op plugins", single),
        allAtOnce("In a cluster, no-op plugins", together),
      ];
    });
    return [sync, ...worked];
  } finally {
    await api.stop();
  }
}

async function measureSync({ site, times, progress }: Bench, api: ApiServer): Promise<Section> {
  const starts = times(7, 1);
  progress(`${starts} starts`);
  const ready: number[] = [];
  const synced: number[] = [];
  for (let i = 0; i < starts; i++) {
    await withDaemon(site, { name: "cluster-start", kubeconfig: api.kubeconfig }, async (daemon) => {
      ready.push(daemon.readyMs);
      synced.push(await daemon.syncedMs());
    });
  }
  return {
    title: "In a cluster: start",
    note: `Here and below, the API server is the one of the tests, on this machine and with no database; it has ${NETWORKS} NetworkAttachmentDefinitions of some 700 bytes, and ${PODS} pods on the node. From spawn until the socket speaks HTTP/2, and until all of them are known and followed.`,
    columns: ["p50 ms", "p95 ms"],
    rows: [
      { name: "daemon ready", values: [median(ready), p95(ready)] },
      { name: "pods and networks known", values: [median(synced), p95(synced)] },
    ],
  };
}

function memorySection(idle: Usage, after: Usage, operations: number): Section {
  const row = (name: string, usage: Usage): Row => ({ name, values: [usage.daemonMemory, usage.launcherMemory] });
  return {
    title: "In a cluster: resident memory",
    note: "VmRSS, when pods and networks are known and later.",
    columns: ["daemon MiB", "launcher MiB"],
    rows: [row("idle", idle), row(`then after ${operations} ADD and DEL 1+1`, after)],
  };
}

type Counts = Readonly<Record<string, number>>;

const COUNTED = ["patch pods/status", "create events"] as const;
const READS = /^(get|list|watch) /;

function requestSection(rows: readonly Row[]): Section {
  return {
    title: "In a cluster: requests for each operation",
    note: "Everything that reached the API server while the operations ran and until it had been quiet again, divided by their number. The pods are new ones each time. Reads are get, list and watch, of any resource.",
    columns: [...COUNTED, "reads", "any other"],
    rows,
  };
}

/** The ADDs of all sandboxes, then their DELs, each followed by whatever they leave to be done. */
async function countRequests(attach: Attach, api: ApiServer, extra: Extra, rounds: number): Promise<readonly Row[]> {
  const counts: Record<Verb, Counts[]> = { ADD: [], DEL: [] };
  for (let i = 0; i < rounds; i++) {
    await renewPods(api);
    for (const verb of VERBS) {
      api.reset();
      await everySandbox(attach.site, attach.daemon, verb, extra);
      await quiet(api);
      counts[verb].push(api.counts());
    }
  }
  return VERBS.map((verb) => {
    const all = counts[verb].flatMap((round) => Object.entries(round));
    const each = (belongs: (label: string) => boolean): number =>
      all.reduce((sum, [label, count]) => sum + (belongs(label) ? count : 0), 0) / (rounds * SANDBOXES);
    const isCounted = (label: string): boolean => COUNTED.some((counted) => counted === label);
    const named = COUNTED.map((counted) => each((label) => label === counted));
    const reads = each((label) => READS.test(label));
    return {
      name: `${verb} 1+${extra}`,
      values: [...named, reads, each((label) => !isCounted(label) && !READS.test(label))],
    };
  });
}

/** The pods go and others of their names come, for nothing is written twice of the same pod. */
async function renewPods(api: ApiServer): Promise<void> {
  for (const pod of podObjects(POPULATION)) {
    api.remove(pod);
    api.put(pod);
  }
  // The watch brings them, and nothing tells when.
  await sleep(QUIET_MS);
}

async function quiet(api: ApiServer): Promise<void> {
  for (let before = -1; before !== api.requests().length;) {
    before = api.requests().length;
    await sleep(QUIET_MS);
  }
}
