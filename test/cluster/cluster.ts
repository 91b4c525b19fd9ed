/** A Kubernetes of one node: etcd, control plane, containerd and kubelet, all real, on a machine of its own. */
import { makeCertificates } from "./certificates.ts";
import { ADMIN_KUBECONFIG, type Component, commandOf, CONTAINERD, NODE_NAME, writeFiles } from "./components.ts";
import { enterMachine, type Machine, makeMachine } from "./machine.ts";
import { type Processes, processesOn } from "./processes.ts";

/** What another process needs to work with the cluster. */
export interface ClusterKey {
  readonly pid: number;
  readonly path: string;
  readonly cgroup: string;
}

export interface Cluster {
  readonly machine: Machine;
  readonly processes: Processes;
  /** Runs kubectl as the cluster's administrator. @throws with what it said unless it ends with status 0 */
  kubectl(...args: readonly string[]): Promise<string>;
  /** Resolves when the component does its work. */
  start(component: Component): Promise<void>;
  stop(component: Component, signal?: "TERM" | "KILL"): Promise<void>;
}

export interface OwnCluster extends Cluster {
  readonly key: ClusterKey;
  /** Ends everything, and takes away what there was of it. */
  destroy(): Promise<void>;
}

/** @param cache what scripts/cluster/prepare.sh has filled */
export async function makeCluster(cache: string): Promise<OwnCluster> {
  const path = [`${cache}/debian/bin`, `${cache}/kubernetes/bin`, "/usr/sbin", "/usr/bin", "/sbin", "/bin"].join(":");
  const machine = await makeMachine(path);
  try {
    const key = { pid: machine.pid, path, cgroup: machine.cgroup };
    const cluster = enterCluster(key);
    await makeCertificates(machine);
    await writeFiles(machine);
    await Promise.all([
      controlPlane(cluster),
      cluster.start("containerd").then(() => importImage(machine, `${cache}/image/image.tar`)),
    ]);
    await cluster.start("kubelet");
    return { ...cluster, key, destroy: machine.stop };
  } catch (error) {
    await machine.stop();
    throw error;
  }
}

async function controlPlane(cluster: Cluster): Promise<void> {
  await cluster.start("etcd");
  await cluster.start("kube-apiserver");
  await Promise.all([cluster.start("kube-controller-manager"), cluster.start("kube-scheduler")]);
}

async function importImage(machine: Machine, archive: string): Promise<void> {
  await machine.sh(`ctr --address ${CONTAINERD} --namespace k8s.io images import ${archive}`);
}

export function enterCluster({ pid, path, cgroup }: ClusterKey): Cluster {
  const machine = enterMachine(pid, path);
  const processes = processesOn(machine);

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await machine.run(["kubectl", `--kubeconfig=${ADMIN_KUBECONFIG}`, ...args]);
    if (status !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  const isReady: Readonly<Record<Component, () => Promise<unknown>>> = {
    etcd: () => machine.sh("busybox wget -q -O - http://127.0.0.1:2379/health"),
    "kube-apiserver": () => kubectl("get", "--raw", "/readyz"),
    // Pods cannot be made before their namespace's account is.
    "kube-controller-manager": () => kubectl("get", "serviceaccount", "default"),
    "kube-scheduler": () => Promise.resolve(),
    containerd: () => machine.sh(`ctr --address ${CONTAINERD} version`),
    kubelet: () => kubectl("get", "node", NODE_NAME),
  };

  return {
    machine,
    processes,
    kubectl,
    start: (component) => processes.start(component, commandOf(component, cgroup), isReady[component]),
    stop: (component, signal) => processes.stop(component, signal),
  };
}
