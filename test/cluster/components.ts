/** The processes that a cluster of one node consists of, as this machine runs them: flags and files. All real; nothing listens elsewhere. */
import { randomBytes } from "node:crypto";
import { PKI } from "./certificates.ts";
import { type Machine, NODE_ADDRESS, SERVICE_ADDRESS } from "./machine.ts";

export const NODE_NAME = "k8s-master";
export const IMAGE = "localhost/busybox:1";
export const ADMIN_KUBECONFIG = "/etc/kubernetes/admin.conf";
export const STATIC_PODS = "/etc/kubernetes/manifests";
export const BIN = "/opt/cni/bin";
export const NET_D = "/etc/cni/net.d";
export const CONTAINERD = "/run/containerd/containerd.sock";

/** Who comes with a token: the user's name, and the group that gives it its rights. */
const USERS = {
  admin: ["kubernetes-admin", "system:masters"],
  "controller-manager": ["system:kube-controller-manager", ""],
  scheduler: ["system:kube-scheduler", ""],
  kubelet: [`system:node:${NODE_NAME}`, "system:nodes"],
} as const;

const kubeconfig = (user: keyof typeof USERS): string => `/etc/kubernetes/${user}.conf`;

export type Component =
  "etcd" | "kube-apiserver" | "kube-controller-manager" | "kube-scheduler" | "containerd" | "kubelet";

const SERVICES = "10.96.0.0/16";

export function commandOf(component: Component, cgroup: string): readonly string[] {
  const flags: Readonly<Record<Component, readonly string[]>> = {
    etcd: ["--data-dir=/var/lib/etcd", "--logger=zap", "--log-level=warn"],
    "kube-apiserver": [
      "--etcd-servers=http://127.0.0.1:2379",
      "--secure-port=443",
      `--advertise-address=${NODE_ADDRESS}`,
      `--service-cluster-ip-range=${SERVICES}`,
      "--endpoint-reconciler-type=none",
      "--allow-privileged=true",
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      "--token-auth-file=/etc/kubernetes/tokens.csv",
      `--client-ca-file=${PKI}/ca.crt`,
      `--tls-cert-file=${PKI}/apiserver.crt`,
      `--tls-private-key-file=${PKI}/apiserver.key`,
      `--kubelet-client-certificate=${PKI}/kubelet-client.crt`,
      `--kubelet-client-key=${PKI}/kubelet-client.key`,
      "--kubelet-preferred-address-types=InternalIP",
      // As clusters of today have it: tokens of pods are made for them, and nobody waits for a secret.
      "--feature-gates=BoundServiceAccountTokenVolume=true",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${PKI}/service-accounts.key`,
      `--service-account-signing-key-file=${PKI}/service-accounts.key`,
    ],
    "kube-controller-manager": [
      `--kubeconfig=${kubeconfig("controller-manager")}`,
      "--port=0",
      "--leader-elect=false",
      "--use-service-account-credentials=true",
      `--service-cluster-ip-range=${SERVICES}`,
      `--root-ca-file=${PKI}/ca.crt`,
      `--service-account-private-key-file=${PKI}/service-accounts.key`,
      `--cluster-signing-cert-file=${PKI}/ca.crt`,
      `--cluster-signing-key-file=${PKI}/ca.key`,
    ],
    "kube-scheduler": [`--kubeconfig=${kubeconfig("scheduler")}`, "--port=0", "--leader-elect=false"],
    containerd: ["--config=/etc/containerd/config.toml"],
    kubelet: [
      `--kubeconfig=${kubeconfig("kubelet")}`,
      "--config=/etc/kubernetes/kubelet.json",
      `--cgroup-root=/${cgroup}`,
      `--hostname-override=${NODE_NAME}`,
      `--node-ip=${NODE_ADDRESS}`,
      "--cert-dir=/var/lib/kubelet/pki",
      "--container-runtime=remote",
      `--container-runtime-endpoint=unix://${CONTAINERD}`,
    ],
  };
  return [component, ...flags[component]];
}

/**
 * As cluster nodes have it, but for two things that not every machine allows: AppArmor, and to lower a process' oom score.
 */
const CONTAINERD_CONFIG = `
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${BIN}"
    conf_dir = "${NET_D}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;

const KUBELET_CONFIG = {
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  address: NODE_ADDRESS,
  authentication: { anonymous: { enabled: false }, x509: { clientCAFile: `${PKI}/ca.crt` } },
  authorization: { mode: "Webhook" },
  cgroupDriver: "cgroupfs",
  failSwapOn: false,
  // Nobody is there; without it every pod is warned.
  clusterDNS: ["10.96.0.10"],
  staticPodPath: STATIC_PODS,
  // A node of this size is never full, whatever else the machine is busy with.
  evictionHard: { "memory.available": "10Mi", "nodefs.available": "0%", "imagefs.available": "0%" },
  maxPods: 250,
  registryPullQPS: 0,
  // It is to say what it knows at once.
  nodeStatusUpdateFrequency: "1s",
  kubeAPIQPS: 100,
  kubeAPIBurst: 200,
  eventRecordQPS: 0,
  // So that a deleted static pod or a changed one is noticed soon.
  fileCheckFrequency: "1s",
};

export async function writeFiles(machine: Machine): Promise<void> {
  const tokens = Object.entries(USERS).map(([user, [name, group]]) => {
    return { user, name, group, token: randomBytes(16).toString("hex") };
  });
  const line = ({ token, name, group }: (typeof tokens)[number]): string => `${token},${name},${name},"${group}"\n`;
  await machine.write("/etc/kubernetes/tokens.csv", tokens.map(line).join(""));
  for (const { user, token } of tokens) {
    await machine.write(`/etc/kubernetes/${user}.conf`, JSON.stringify(kubeconfigWith(token)));
  }
  await machine.write("/etc/containerd/config.toml", CONTAINERD_CONFIG);
  await machine.write("/etc/kubernetes/kubelet.json", JSON.stringify(KUBELET_CONFIG));
  await machine.sh(`mkdir -p ${STATIC_PODS} ${NET_D} ${BIN} && ln -s /usr/lib/cni/* ${BIN}/`);
}

function kubeconfigWith(token: string): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "cluster",
        cluster: { server: `https://${SERVICE_ADDRESS}`, "certificate-authority": `${PKI}/ca.crt` },
      },
    ],
    users: [{ name: "user", user: { token } }],
    contexts: [{ name: "context", context: { cluster: "cluster", user: "user" } }],
    "current-context": "context",
  };
}
