/** The cluster as a test sees it: objects are applied, pods looked into, and in the end nothing of them may be left on the node. */
import { inject } from "vitest";
import { type Cluster, enterCluster } from "./cluster.ts";
import { IMAGE, NET_D } from "./components.ts";
import { awaitNode, CONF, enterPlexus, type Plexus } from "./plexus.ts";
import { until } from "./until.ts";

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly annotations?: Annotations };
  readonly [member: string]: unknown;
}

type Annotations = Readonly<Record<string, string>>;

export interface NetworkStatus {
  readonly name: string;
  readonly interface?: string;
  readonly ips?: readonly string[];
  readonly mac?: string;
  readonly default?: boolean;
}

export const NETWORKS = "k8s.v1.cni.cncf.io/networks";
export const DEFAULT_NETWORK = "v1.multus-cni.io/default-network";
const NETWORK_STATUS = "k8s.v1.cni.cncf.io/network-status";

export interface PodOptions {
  readonly namespace?: string;
  readonly annotations?: Annotations;
  readonly hostPort?: number;
}

/** A pod that does nothing until it is told to end. */
export function pod(name: string, { namespace = "default", annotations = {}, hostPort }: PodOptions = {}): KubeObject {
  const ports = hostPort === undefined ? [] : [{ containerPort: 80, hostPort }];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, annotations },
    spec: { containers: [{ name: "main", image: IMAGE, imagePullPolicy: "Never", ports }] },
  };
}

export function network(name: string, config: object, namespace = "default"): KubeObject {
  return {
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name, namespace },
    spec: { config: JSON.stringify(config) },
  };
}

/** A bridge of its own with addresses of its own: `10.<second>.0.0/24`. */
export function bridgeNetwork(name: string, second: number, namespace = "default"): KubeObject {
  const ipam = { type: "host-local", subnet: `10.${second}.0.0/24` };
  return network(name, { cniVersion: "1.0.0", name, type: "bridge", bridge: `br-${name}`, ipam }, namespace);
}

export interface Site extends Cluster {
  readonly plexus: Plexus;
  apply(...objects: readonly KubeObject[]): Promise<void>;
  /** Resolves when the pods are ready. */
  ready(...pods: readonly string[]): Promise<void>;
  /** Runs a command in the pod. */
  exec(pod: string, ...command: readonly string[]): Promise<string>;
  /** The pod's IPv4 addresses by interface, those of lo left out. */
  addresses(pod: string): Promise<Readonly<Record<string, string>>>;
  /** @param address may be followed by a prefix length */
  ping(pod: string, address: string | undefined): Promise<void>;
  annotations(pod: string): Promise<Annotations>;
  networkStatus(pod: string): Promise<readonly NetworkStatus[]>;
  /** What the daemon said of the pod, its events' messages. */
  events(pod: string): Promise<readonly string[]>;
  /** Resolves when there is an event, `<reason>: <message>`, that matches. */
  event(pod: string, pattern: RegExp): Promise<void>;
  /** Addresses in the ledger of host-local. */
  leases(network: string): Promise<readonly string[]>;
  /** From now on the runtime has this conf and no other of ours. */
  useConf(file: string, content: string): Promise<void>;
  /** Back to that with which the cluster began. */
  useOwnConf(): Promise<void>;
  /** Resolves when the DaemonSet of kube-system has a pod that is ready. @throws with what its pods say */
  rolledOut(daemonSet: string): Promise<void>;
  /** Deletes all pods and networks that tests have made, and resolves when nothing of them is left on the node. */
  clear(): Promise<void>;
  /** Resolves when no trace of any pod is left on the node; bridges may stay. @throws with what is left if that takes too long */
  nothingLeft(): Promise<void>;
}

/** Selects all pods but those of the cluster itself. */
const USERS = ["--field-selector", "metadata.namespace!=kube-system"];

/** Whatever a pod leaves on a node. */
const TRACES = `
ip -o link show type veth
iptables-save | grep -E '[: ]CNI-' | grep -v CNI-HOSTPORT
find /var/lib/cni /var/lib/plexus /run/netns -type f ! -name lock ! -name 'last_reserved_ip.*' ! -name .lock
true`;

/** Pods are named `name` or `namespace/name`. */
function split(pod: string): readonly [string, string] {
  const [first = "", second] = pod.split("/");
  return second === undefined ? ["default", first] : [first, second];
}

export function openSite(): Site {
  const key = inject("cluster");
  const cluster = enterCluster(key);
  const { kubectl, machine } = cluster;

  async function read<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await kubectl("get", "-o", "json", ...args)) as T;
  }

  const site: Site = {
    ...cluster,
    plexus: enterPlexus(key),
    async apply(...objects) {
      await machine.write(
        "/run/cluster/objects.json",
        JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
      );
      await kubectl("apply", "-f", "/run/cluster/objects.json");
    },
    async ready(...pods) {
      await Promise.all(
        pods.map(async (each) => {
          const [namespace, name] = split(each);
          await kubectl("wait", "-n", namespace, "--for=condition=Ready", "--timeout=60s", `pod/${name}`).catch(
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
      await site.exec(each, "ping", "-c", "1", "-W", "2", address.split("/")[0] ?? "");
    },
    async annotations(each) {
      const [namespace, name] = split(each);
      const { metadata } = await read<KubeObject>("-n", namespace, "pod", name);
      return metadata.annotations ?? {};
    },
    async networkStatus(each) {
      const annotations = await site.annotations(each);
      return JSON.parse(annotations[NETWORK_STATUS] ?? "[]") as NetworkStatus[];
    },
    async events(each) {
      const [namespace, name] = split(each);
      const { items } = await read<{
        readonly items: readonly { readonly reason: string; readonly message: string }[];
      }>(...["-n", namespace, "events", "--field-selector", `involvedObject.name=${name}`]);
      return items.map(({ reason, message }) => `${reason}: ${message}`);
    },
    async event(each, pattern) {
      await until(`an event ${String(pattern)}`, async () => (await site.events(each)).find((e) => pattern.test(e)), {
        explain: async () => (await site.events(each)).join("\n"),
      });
    },
    async leases(name) {
      const listed = await machine.run(["ls", `/var/lib/cni/networks/${name}`]);
      return listed.stdout.split("\n").filter((file) => /^[0-9a-f.:]+$/.test(file) && file.includes("."));
    },
    async useConf(file, content) {
      await machine.sh(`rm -f ${NET_D}/00-*`);
      await machine.write(`${NET_D}/${file}`, content);
      // It would notice by itself, but not say when.
      await cluster.stop("containerd");
      await cluster.start("containerd");
      await awaitNode(cluster);
    },
    useOwnConf: () => site.useConf("00-plexus.conf", JSON.stringify(CONF)),
    async rolledOut(daemonSet) {
      const place = ["--namespace", "kube-system"];
      await kubectl("rollout", "status", "daemonset", daemonSet, ...place, "--timeout=120s").catch(
        async (error: unknown) => {
          const about = [...place, "--selector", `app.kubernetes.io/name=${daemonSet}`];
          const pods = await kubectl("describe", "pods", ...about);
          const logs = await kubectl("logs", "--all-containers", "--prefix", "--tail=40", ...about);
          throw new Error(`${String(error)}\n${pods.slice(-2_000)}\n${logs}`);
        },
      );
    },
    async clear() {
      const everywhere = ["--all-namespaces", "--wait=false"];
      await kubectl("delete", "statefulsets,network-attachment-definitions", ...everywhere, "--all");
      await kubectl("delete", "pods", ...everywhere, ...USERS);
      await site.nothingLeft();
      // The kubelet takes up to ten seconds more to let go of the objects.
      await kubectl("delete", "pods", ...everywhere, ...USERS, "--grace-period=0", "--force");
    },
    async nothingLeft() {
      let left = "";
      await until(
        "nothing is left on the node",
        async () => {
          left = await machine.sh(TRACES);
          return left === "" ? true : undefined;
        },
        { explain: () => Promise.resolve(left) },
      );
    },
  };
  return site;
}
