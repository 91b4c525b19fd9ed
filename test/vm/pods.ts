/** Pods by Multus' rules, and what the kubelet noted down of their virtual functions. */
import { MANIFESTS } from "../node/plexus.ts";
import type { VmNode } from "./node.ts";

const RESOURCE = "intel.com/sriov";
const CHECKPOINT = "/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint";

/** The network config that the runtime gives: eth0 is of a network of veth pairs. */
export const RUNTIME_CONF = JSON.stringify({
  cniVersion: "0.4.0",
  name: "plexus",
  type: "plexus",
  delegates: [{ cniVersion: "0.4.0", name: "pods", type: "ptp", ipam: { type: "host-local", subnet: "10.44.0.0/24" } }],
});

/** A NetworkAttachmentDefinition of the plugin sriov. */
export function sriovNetwork(name: string, conf: object): object {
  return {
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name, annotations: { "k8s.v1.cni.cncf.io/resourceName": RESOURCE } },
    spec: { config: JSON.stringify({ cniVersion: "0.3.1", type: "sriov", ...conf }) },
  };
}

export interface VmPod {
  readonly name: string;
  /** Its networks annotation. */
  readonly networks?: string;
  /** Its default-network annotation. Without it eth0 is of the network of veth pairs. */
  readonly defaultNetwork?: string;
  /** Which of the card's virtual functions the kubelet set apart for it. */
  readonly functions?: readonly number[];
}

/**
 * Puts the pods where the daemon finds them, in the place of all earlier ones, writes the kubelet's
 * checkpoint, and makes a sandbox for each pod.
 */
export async function givePods(node: VmNode, pods: readonly VmPod[]): Promise<void> {
  const manifests = pods.map(({ name, networks, defaultNetwork }) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      uid: `uid-${name}`,
      annotations: { "k8s.v1.cni.cncf.io/networks": networks, "v1.multus-cni.io/default-network": defaultNetwork },
    },
  }));
  const entries = pods.map(({ name, functions = [] }) => ({
    PodUID: `uid-${name}`,
    ContainerName: "main",
    ResourceName: RESOURCE,
    DeviceIDs: { "-1": functions.map((number) => node.card.functions[number]) },
  }));
  const checkpoint = { Data: { PodDeviceEntries: entries, RegisteredDevices: {} }, Checksum: 0 };
  await node.guest.write(CHECKPOINT, JSON.stringify(checkpoint));
  await node.guest.write(`${MANIFESTS}/pods.yaml`, manifests.map((pod) => JSON.stringify(pod)).join("\n---\n"));
  for (const { name } of pods) await node.makeSandbox(name);
}

/** Puts networks where the daemon finds them. */
export async function giveNetworks(node: VmNode, networks: readonly object[]): Promise<void> {
  const documents = networks.map((network) => JSON.stringify(network));
  await node.guest.write(`${MANIFESTS}/networks.yaml`, documents.join("\n---\n"));
}
