/** What the cluster's machines are called, and where things are on them. */
export const NODES = ["k8s-master", "k8s-node1"] as const;
export type NodeName = (typeof NODES)[number];
export const [MASTER, WORKER] = NODES;
export const NODE_ADDRESSES: Readonly<Record<NodeName, string>> = {
  "k8s-master": "10.77.0.11",
  "k8s-node1": "10.77.0.12",
};

export const IMAGE = "localhost/busybox:1";
export const ADMIN_KUBECONFIG = "/etc/kubernetes/admin.conf";
export const PKI = "/etc/kubernetes/pki";
export const STATIC_PODS = "/etc/kubernetes/manifests";
export const BIN = "/opt/cni/bin";
export const NET_D = "/etc/cni/net.d";
export const CONTAINERD = "/run/containerd/containerd.sock";

/** Of services and, for flannel and the nodes' podCIDR, of pods. */
export const SERVICES = "10.96.0.0/16";
export const PODS = "10.244.0.0/16";
