/** The cluster as a test sees it: objects are applied, pods looked into, and in the end nothing of them may be left on any node. */
import { type Cluster, enterCluster, makeCluster } from "./cluster.ts";
import { type NodeName, NODES } from "./layout.ts";
import { type Annotations, type KubeObject, NETWORK_STATUS, type NetworkStatus } from "./objects.ts";
import { until } from "./until.ts";

export interface Site extends Cluster {
  apply(...objects: readonly KubeObject[]): Promise<void>;
  /** Reads objects as kubectl's JSON. */
  read<T>(...args: readonly string[]): Promise<T>;
  /** Resolves when the pods are ready. Pods are named `name` or `namespace/name`. */
  ready(...pods: readonly string[]): Promise<void>;
  /** Runs a command in the pod. */
  exec(pod: string, ...command: readonly string[]): Promise<string>;
  /** The pod's IPv4 addresses by interface, those of lo left out. */
  addresses(pod: string): Promise<Readonly<Record<string, string>>>;
  /** @param address may be followed by a prefix length */
  ping(pod: string, address: string | undefined): Promise<void>;
  annotations(pod: string): Promise<Annotations>;
  networkStatus(pod: string): Promise<readonly NetworkStatus[]>;
  /** `<reason>: <message>` of each event of the pod. */
  events(pod: string): Promise<readonly string[]>;
  /** Resolves when there is an event that matches. */
  event(pod: string, pattern: RegExp): Promise<void>;
  /** Addresses in the ledger of host-local on a node. */
  leases(node: NodeName, network: string): Promise<readonly string[]>;
  /** Resolves when the DaemonSet is rolled out. @throws with what its pods say */
  rolledOut(daemonSet: string, namespace?: string): Promise<void>;
  /** What pods have left on each node: links, firewall rules, files, network namespaces. */
  traces(): Promise<string>;
  /** Resolves when the nodes have no other traces than these. @throws with what is left if that takes too long */
  tracesAre(before: string): Promise<void>;
  /** Deletes all pods and networks that tests made, in any namespace, and resolves when nodes have no other traces than these. */
  clear(before: string): Promise<void>;
  destroy(): Promise<void>;
}

/** Whatever a pod leaves on a node. */
const TRACES = `
ip -o link show type veth | sed 's/^[0-9]*: \\([^:@]*\\).*/link \\1/' | grep -v eth0
iptables-save 2>/dev/null | grep -E '[: ]CNI-' | grep -v CNI-HOSTPORT
find /var/lib/cni /var/lib/plexus /run/netns -type f ! -name lock ! -name 'last_reserved_ip.*' ! -name .lock
true`;

/** Not of the cluster itself, or of flannel. */
const OF_TESTS = ["--field-selector", "metadata.namespace!=kube-system,metadata.namespace!=kube-flannel"];

function split(pod: string): readonly [string, string] {
  const [first = "", second] = pod.split("/");
  return second === undefined ? ["default", first] : [first, second];
}

/** A cluster of the caller's own. @param archives images that every node has */
export async function makeSite(archives: readonly string[]): Promise<Site> {
  const { key, destroy } = await makeCluster(archives);
  return { ...siteOn(enterCluster(key)), destroy };
}

function siteOn(cluster: Cluster): Omit<Site, "destroy"> {
  const { kubectl, hub, nodes } = cluster;

  const site: Omit<Site, "destroy"> = {
    ...cluster,
    async apply(...objects) {
      const file = `/run/objects-${Math.random().toString(36).slice(2)}.json`;
      await hub.write(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
      await kubectl("apply", "-f", file);
    },
    async read<T>(...args: readonly string[]) {
      return JSON.parse(await kubectl("get", "-o", "json", ...args)) as T;
    },
    async ready(...pods) {
      await Promise.all(
        pods.map(async (each) => {
          const [namespace, name] = split(each);
          await kubectl("wait", "-n", namespace, "--for=condition=Ready", "--timeout=120s", `pod/${name}`).catch(
            async (error: unknown) => {
              throw new Error(`${String(error)}\n${(await site.events(each)).join("\n")}`);
            },
          );
        }),
      );
    },
    exec(each, ...command) {
      const [namespace, name] = split(each);
      return kubectl("exec", "-n", namespace, name, "--", ...command);
    },
    async addresses(each) {
      const lines = (await site.exec(each, "ip", "-o", "-4", "address")).trim().split("\n");
      const found = lines.map((line): [string, string] => {
        const [, link = "", , address = ""] = line.trim().split(/\s+/);
        return [link, address];
      });
      return Object.fromEntries(found.filter(([link]) => link !== "lo"));
    },
    async ping(each, address = "") {
      await site.exec(each, "ping", "-c", "1", "-W", "3", address.split("/")[0] ?? "");
    },
    async annotations(each) {
      const [namespace, name] = split(each);
      const { metadata } = await site.read<KubeObject>("-n", namespace, "pod", name);
      return metadata.annotations ?? {};
    },
    async networkStatus(each) {
      const annotations = await site.annotations(each);
      return JSON.parse(annotations[NETWORK_STATUS] ?? "[]") as NetworkStatus[];
    },
    async events(each) {
      const [namespace, name] = split(each);
      const { items } = await site.read<{
        readonly items: readonly { readonly reason: string; readonly message: string }[];
      }>(...["-n", namespace, "events", "--field-selector", `involvedObject.name=${name}`]);
      return items.map(({ reason, message }) => `${reason}: ${message}`);
    },
    async event(each, pattern) {
      await until(`an event ${String(pattern)}`, async () => (await site.events(each)).find((e) => pattern.test(e)), {
        explain: async () => (await site.events(each)).join("\n"),
      });
    },
    async leases(node, name) {
      const listed = await nodes[node].run(["ls", `/var/lib/cni/networks/${name}`]);
      return listed.stdout.split("\n").filter((file) => /^[0-9a-f.:]+$/.test(file) && file.includes("."));
    },
    async rolledOut(daemonSet, namespace = "kube-system") {
      const place = ["--namespace", namespace];
      await kubectl("rollout", "status", "daemonset", daemonSet, ...place, "--timeout=180s").catch(
        async (error: unknown) => {
          const pods = await kubectl("describe", "pods", ...place);
          const logs = await kubectl("logs", `daemonset/${daemonSet}`, "--all-containers", "--tail=40", ...place).catch(
            String,
          );
          throw new Error(`${String(error)}\n${pods.slice(-4_000)}\n${logs}`);
        },
      );
    },
    async traces() {
      const all = await Promise.all(
        NODES.map(async (name) => `${name}\n${(await nodes[name].sh(TRACES)).trim().split("\n").sort().join("\n")}\n`),
      );
      return all.join("");
    },
    async tracesAre(before) {
      let left = "";
      await until(
        "nothing is left on the nodes",
        async () => {
          left = await site.traces();
          return left === before ? true : undefined;
        },
        { withinMs: 90_000, explain: () => Promise.resolve(`There is:\n${left}instead of:\n${before}`) },
      );
    },
    async clear(before) {
      const everywhere = ["--all-namespaces", "--wait=false", "--ignore-not-found"];
      await kubectl("delete", "statefulsets,deployments", ...everywhere, ...OF_TESTS);
      await kubectl("delete", "pods", ...everywhere, ...OF_TESTS);
      await site.tracesAre(before);
      // The kubelet takes up to ten seconds more to let go of the objects.
      await kubectl("delete", "pods", ...everywhere, ...OF_TESTS, "--grace-period=0", "--force");
      await kubectl("delete", "network-attachment-definitions", "--all-namespaces", "--all");
    },
  };
  return site;
}
