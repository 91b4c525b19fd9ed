/**
 * Multus' manifest, as far as docs/migrate.md goes by it: the names, and a pod that does to the node what the thick plugin's does. The executable
 * that it installs is test/node/containerd/multus.ts, which attaches every pod to one network besides the default one.
 */
import { BIN, IMAGE, NET_D } from "../cluster/components.ts";

const name = "multus";
const namespace = "kube-system";
const labels = { tier: "node", app: "multus", name: "multus" };
const CONFIG = "multus-daemon-config";

/** A Multus that starts takes the first conf for its default network, and when it is told to end takes its own along (spec §7.7). */
const DAEMON = `
net_d=/host${NET_D}
trap 'rm -f $net_d/00-multus.conf /host/run/multus/multus.sock; exit 0' TERM
primary=$(ls $net_d | grep -v '^00-multus' | grep -E '[.]conf(list)?$' | head -n 1)
cp /config/multus-shim /host${BIN}/multus-shim.new
chmod 755 /host${BIN}/multus-shim.new
mv /host${BIN}/multus-shim.new /host${BIN}/multus-shim
touch /host/run/multus/multus.sock
sed "s/PRIMARY/$primary/" /config/00-multus.conf >$net_d/00-multus.conf.new
mv $net_d/00-multus.conf.new $net_d/00-multus.conf
while :; do sleep 1; done`;

/** @param annotated the network that the pods' annotation asks for */
export function multusManifest(annotated: object): string {
  const program = new URL(import.meta.resolve("../node/containerd/multus.ts")).pathname;
  const conf = {
    cniVersion: "0.3.1",
    name: "multus-cni-network",
    type: "multus-shim",
    capabilities: { portMappings: true },
    clusterNetwork: `/host${NET_D}/PRIMARY`,
    annotated: [annotated],
    cniDir: "/var/lib/cni/multus",
    fork: false,
  };
  const hostPath = (id: string, path: string): Mount => ({
    volume: { name: id, hostPath: { path, type: "DirectoryOrCreate" } },
    mount: { name: id, mountPath: `/host${path}` },
  });
  const mounts: readonly Mount[] = [
    hostPath("bin", BIN),
    hostPath("net-d", NET_D),
    hostPath("run", "/run/multus"),
    { volume: { name: "config", configMap: { name: CONFIG } }, mount: { name: "config", mountPath: "/config" } },
  ];
  const container = {
    name: "kube-multus",
    image: IMAGE,
    imagePullPolicy: "Never",
    command: ["sh", "-e", "-c", DAEMON],
    readinessProbe: { exec: { command: ["test", "-e", `/host${NET_D}/00-multus.conf`] }, periodSeconds: 1 },
    volumeMounts: mounts.map(({ mount }) => mount),
  };
  const spec = {
    serviceAccountName: name,
    hostNetwork: true,
    tolerations: [{ operator: "Exists" }],
    containers: [container],
    volumes: mounts.map(({ volume }) => volume),
  };
  const data = {
    "00-multus.conf": JSON.stringify(conf),
    "multus-shim": `#!/bin/sh\nexec ${process.execPath} ${program}\n`,
  };
  const rbac = "rbac.authorization.k8s.io";
  const items = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } },
    { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: { name }, rules: [] },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: CONFIG, namespace }, data },
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name: "kube-multus-ds", namespace, labels },
      spec: { selector: { matchLabels: { name } }, template: { metadata: { labels }, spec } },
    },
  ];
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

interface Mount {
  readonly volume: object;
  readonly mount: object;
}
