/** A Kubernetes of two nodes: etcd and the control plane on a machine of their own, containerd and kubelet on each node. All of it is real. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { groupDirectory } from "../parts.ts";
import { makeCertificates } from "./certificates.ts";
import {
  type ControlPlaneComponent,
  controlPlaneCommand,
  type NodeComponent,
  nodeCommand,
  writeControlPlaneFiles,
  writeNodeFiles,
} from "./components.ts";
import { ADMIN_KUBECONFIG, CONTAINERD, NODE_ADDRESSES, type NodeName, NODES, PKI } from "./layout.ts";
import {
  enterMachine,
  HUB,
  HUB_ADDRESS,
  type Machine,
  type MachineKey,
  makeMachine,
  type OwnMachine,
} from "./machine.ts";
import { type Processes, processesOn } from "./processes.ts";

/** What another process needs to work with the cluster. */
export interface ClusterKey {
  readonly hub: MachineKey;
  readonly nodes: Readonly<Record<NodeName, MachineKey>>;
}

export interface Node extends Machine {
  readonly name: NodeName;
  readonly processes: Processes;
  /** Resolves when the component does its work. */
  start(component: NodeComponent): Promise<void>;
  stop(component: NodeComponent, signal?: "TERM" | "KILL"): Promise<void>;
  importImage(archive: string): Promise<void>;
}

export interface Cluster {
  readonly hub: Machine;
  readonly nodes: Readonly<Record<NodeName, Node>>;
  /** Runs kubectl as the cluster's administrator. @throws with what it said unless it ends with status 0 */
  kubectl(...args: readonly string[]): Promise<string>;
  start(component: ControlPlaneComponent): Promise<void>;
  stop(component: ControlPlaneComponent, signal?: "TERM" | "KILL"): Promise<void>;
  logOf(component: ControlPlaneComponent): Promise<string>;
}

export interface OwnCluster extends Cluster {
  readonly key: ClusterKey;
  /** Ends everything, and takes away what there was of it. */
  destroy(): Promise<void>;
}

/** @param archives images that every node has */
export async function makeCluster(archives: readonly string[]): Promise<OwnCluster> {
  const directory = await mkdtemp(join(tmpdir(), "plexus-real-"));
  const path = [
    ...["debian", "kubernetes"].map((group) => binOf(group)),
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
  ].join(":");
  const keyOf = (name: string, address: string): MachineKey => ({
    ...{ name, address, directory, path },
    cgroup: `plexus-real-${process.pid}/${name}`,
  });
  const machines: OwnMachine[] = [];
  async function destroy(): Promise<void> {
    // The hub goes last, for the others are plugged into it.
    for (const machine of machines.toReversed()) await machine.stop();
    await rm(directory, { recursive: true, force: true });
  }
  try {
    const key: ClusterKey = {
      hub: keyOf(HUB, HUB_ADDRESS),
      nodes: Object.fromEntries(NODES.map((name) => [name, keyOf(name, NODE_ADDRESSES[name])])) as ClusterKey["nodes"],
    };
    for (const each of [key.hub, ...Object.values(key.nodes)]) machines.push(await makeMachine(each));
    const cluster = enterCluster(key);
    await bringUp(cluster, archives);
    return { ...cluster, key, destroy };
  } catch (error) {
    await destroy();
    throw error;
  }
}

const binOf = (group: string): string => join(groupDirectory(group === "debian" ? "debian" : "kubernetes"), "bin");

async function bringUp(cluster: Cluster, archives: readonly string[]): Promise<void> {
  const { hub, nodes } = cluster;
  await makeCertificates(hub);
  const kubelets = await writeControlPlaneFiles(hub);
  const authority = await hub.sh(`cat ${PKI}/ca.crt`);
  const plugins = join(groupDirectory("debian"), "cni");
  await Promise.all([
    bringUpControlPlane(cluster),
    ...Object.values(nodes).map(async (node) => {
      await writeNodeFiles(node, kubelets[node.name], authority, plugins);
      await node.start("containerd");
      for (const archive of archives) await node.importImage(archive);
    }),
  ]);
  await Promise.all(Object.values(nodes).map((node) => node.start("kubelet")));
}

async function bringUpControlPlane(cluster: Cluster): Promise<void> {
  await cluster.start("etcd");
  await cluster.start("kube-apiserver");
  await Promise.all([cluster.start("kube-controller-manager"), cluster.start("kube-scheduler")]);
}

export function enterCluster(key: ClusterKey): Cluster {
  const hub = enterMachine(key.hub);
  const processes = processesOn(hub);

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await hub.run(["kubectl", `--kubeconfig=${ADMIN_KUBECONFIG}`, ...args]);
    if (status !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  const isReady: Readonly<Record<ControlPlaneComponent, () => Promise<unknown>>> = {
    etcd: () => hub.sh("busybox wget -q -O - http://127.0.0.1:2379/health"),
    "kube-apiserver": () => kubectl("get", "--raw", "/readyz"),
    // Pods cannot be made before their namespace's account and its authority are.
    "kube-controller-manager": async () => {
      await kubectl("get", "serviceaccount", "default");
      await kubectl("get", "configmap", "kube-root-ca.crt");
    },
    "kube-scheduler": () => Promise.resolve(),
  };

  return {
    hub,
    kubectl,
    nodes: Object.fromEntries(
      NODES.map((name) => [name, enterNode(name, key.nodes[name], kubectl)]),
    ) as Cluster["nodes"],
    start: (component) => processes.start(component, controlPlaneCommand(component), isReady[component]),
    stop: (component, signal) => processes.stop(component, signal),
    logOf: (component) => processes.logOf(component),
  };
}

function enterNode(name: NodeName, key: MachineKey, kubectl: Cluster["kubectl"]): Node {
  const machine = enterMachine(key);
  const processes = processesOn(machine);
  const isReady: Readonly<Record<NodeComponent, () => Promise<unknown>>> = {
    containerd: () => machine.sh(`ctr --address ${CONTAINERD} version`),
    kubelet: () => kubectl("get", "node", name),
  };
  return {
    ...machine,
    name,
    processes,
    start: (component) => processes.start(component, nodeCommand(component, key), isReady[component]),
    stop: (component, signal) => processes.stop(component, signal),
    async importImage(archive) {
      await machine.sh(`ctr --address ${CONTAINERD} --namespace k8s.io images import --local ${archive}`);
    },
  };
}
