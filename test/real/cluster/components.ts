/** The processes of the control plane and of a node, as these machines run them: flags and files. */
import { randomBytes } from "node:crypto";
import {
  ADMIN_KUBECONFIG,
  BIN,
  CONTAINERD,
  NET_D,
  NODE_ADDRESSES,
  type NodeName,
  NODES,
  PKI,
  PODS,
  SERVICES,
  STATIC_PODS,
} from "./layout.ts";
import { HUB_ADDRESS, type Machine, type MachineKey } from "./machine.ts";

export type ControlPlaneComponent = "etcd" | "kube-apiserver" | "kube-controller-manager" | "kube-scheduler";
export type NodeComponent = "containerd" | "kubelet";

interface User {
  readonly file: string;
  readonly name: string;
  /** What gives it its rights, unless the name does. */
  readonly group?: string;
}

const ADMIN: User = { file: ADMIN_KUBECONFIG, name: "kubernetes-admin", group: "system:masters" };
const CONTROLLER_MANAGER: User = {
  file: "/etc/kubernetes/controller-manager.conf",
  name: "system:kube-controller-manager",
};
const SCHEDULER: User = { file: "/etc/kubernetes/scheduler.conf", name: "system:kube-scheduler" };
const kubeletOf = (node: NodeName): User => ({
  file: "/etc/kubernetes/kubelet.conf",
  name: `system:node:${node}`,
  group: "system:nodes",
});

const CONTROL_PLANE: Readonly<Record<ControlPlaneComponent, readonly string[]>> = {
  etcd: ["--data-dir=/var/lib/etcd/data", "--log-level=warn", "--unsafe-no-fsync"],
  "kube-apiserver": [
    "--etcd-servers=http://127.0.0.1:2379",
    "--secure-port=443",
    `--advertise-address=${HUB_ADDRESS}`,
    `--service-cluster-ip-range=${SERVICES}`,
    "--endpoint-reconciler-type=lease",
    "--allow-privileged=true",
    "--anonymous-auth=false",
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--token-auth-file=/etc/kubernetes/tokens.csv",
    `--client-ca-file=${PKI}/ca.crt`,
    `--tls-cert-file=${PKI}/apiserver.crt`,
    `--tls-private-key-file=${PKI}/apiserver.key`,
    `--kubelet-client-certificate=${PKI}/kubelet-client.crt`,
    `--kubelet-client-key=${PKI}/kubelet-client.key`,
    "--kubelet-preferred-address-types=InternalIP",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${PKI}/service-accounts.key`,
    `--service-account-signing-key-file=${PKI}/service-accounts.key`,
  ],
  "kube-controller-manager": [
    `--kubeconfig=${CONTROLLER_MANAGER.file}`,
    "--bind-address=127.0.0.1",
    "--leader-elect=false",
    "--use-service-account-credentials=true",
    "--allocate-node-cidrs=true",
    `--cluster-cidr=${PODS}`,
    `--service-cluster-ip-range=${SERVICES}`,
    `--root-ca-file=${PKI}/ca.crt`,
    `--service-account-private-key-file=${PKI}/service-accounts.key`,
    `--cluster-signing-cert-file=${PKI}/ca.crt`,
    `--cluster-signing-key-file=${PKI}/ca.key`,
  ],
  "kube-scheduler": [`--kubeconfig=${SCHEDULER.file}`, "--bind-address=127.0.0.1", "--leader-elect=false"],
};

export const controlPlaneCommand = (component: ControlPlaneComponent): readonly string[] => [
  component,
  ...CONTROL_PLANE[component],
];

export function nodeCommand(component: NodeComponent, { name, address }: MachineKey): readonly string[] {
  if (component === "containerd") return ["containerd", "--config=/etc/containerd/config.toml"];
  return [
    "kubelet",
    "--kubeconfig=/etc/kubernetes/kubelet.conf",
    "--config=/etc/kubernetes/kubelet.json",
    `--hostname-override=${name}`,
    `--node-ip=${address}`,
    "--cert-dir=/var/lib/kubelet/pki",
    "--v=2",
  ];
}

/** As cluster nodes have it, but for two things that not every machine allows: AppArmor, and to lower a process' oom score. */
const CONTAINERD_CONFIG = `
version = 3
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs"]
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "localhost/pause:1"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["${BIN}"]
  conf_dir = "${NET_D}"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_address = "127.0.0.1"
`;

const kubeletConfig = ({ address, cgroup }: MachineKey): object => ({
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  address,
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: `${PKI}/ca.crt` },
  },
  authorization: { mode: "Webhook" },
  containerRuntimeEndpoint: `unix://${CONTAINERD}`,
  cgroupDriver: "cgroupfs",
  cgroupRoot: `/${cgroup}`,
  // A machine with control groups of the first version must not keep the kubelet from starting.
  failCgroupV1: false,
  failSwapOn: false,
  clusterDomain: "cluster.local",
  // Nothing answers there; without it the kubelet warns of every pod.
  clusterDNS: ["10.96.0.10"],
  staticPodPath: STATIC_PODS,
  // A node of this size is never full, whatever else the machine is busy with.
  evictionHard: {
    "memory.available": "10Mi",
    "nodefs.available": "0%",
    "imagefs.available": "0%",
    "nodefs.inodesFree": "0%",
  },
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 99,
  maxPods: 250,
  // The node's status has to say what the kubelet knows at once.
  nodeStatusUpdateFrequency: "1s",
  kubeAPIQPS: 100,
  kubeAPIBurst: 200,
  eventRecordQPS: 0,
  // So that a deleted static pod or a changed one is noticed soon.
  fileCheckFrequency: "1s",
});

function kubeconfig(token: string, server: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "cluster", cluster: { server, "certificate-authority": `${PKI}/ca.crt` } }],
    users: [{ name: "user", user: { token } }],
    contexts: [{ name: "context", context: { cluster: "cluster", user: "user" } }],
    "current-context": "context",
  });
}

const SERVER = `https://${HUB_ADDRESS}`;

/** Files of the control plane, but for certificates. Resolves with each node's kubeconfig for its kubelet. */
export async function writeControlPlaneFiles(hub: Machine): Promise<Readonly<Record<NodeName, string>>> {
  const users = [ADMIN, CONTROLLER_MANAGER, SCHEDULER, ...NODES.map(kubeletOf)];
  const withTokens = users.map((user) => ({ ...user, token: randomBytes(16).toString("hex") }));
  const lines = withTokens.map(({ token, name, group = "" }) => `${token},${name},${name},"${group}"\n`);
  await hub.write("/etc/kubernetes/tokens.csv", lines.join(""));
  for (const { file, token } of withTokens) await hub.write(file, kubeconfig(token, SERVER));
  const kubelets = withTokens.slice(-NODES.length).map(({ token }, index) => [NODES[index], kubeconfig(token, SERVER)]);
  return Object.fromEntries(kubelets) as Record<NodeName, string>;
}

/** @param plugins a directory of CNI plugins that every node has */
export async function writeNodeFiles(
  node: Machine,
  kubelet: string,
  authority: string,
  plugins: string,
): Promise<void> {
  const { key } = node;
  await node.write(`${PKI}/ca.crt`, authority);
  await node.write("/etc/kubernetes/kubelet.conf", kubelet);
  await node.write("/etc/containerd/config.toml", CONTAINERD_CONFIG);
  await node.write("/etc/kubernetes/kubelet.json", JSON.stringify(kubeletConfig(key)));
  const hosts = Object.entries(NODE_ADDRESSES).map(([name, address]) => `${address} ${name}\n`);
  await node.write("/etc/hosts", `127.0.0.1 localhost\n${hosts.join("")}`);
  // The machine itself may have network configs and plugins.
  await node.sh(`
    mkdir -p ${STATIC_PODS} ${NET_D} ${BIN} && rm -rf ${NET_D}/* ${BIN}/* /var/lib/cni
    cp ${plugins}/* ${BIN}/`);
}
