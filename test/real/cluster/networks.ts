/** Default networks for the cluster: Calico and flannel by their own manifests, or a bridge on each node. */
import { readFile } from "node:fs/promises";
import { NET_D, NODES } from "./layout.ts";
import { foreign } from "./plexus.ts";
import type { Site } from "./site.ts";

export const CALICO_IMAGES: readonly string[] = ["calico-node", "calico-cni", "calico-controllers"].map((name) =>
  foreign(`${name}.tar`),
);
export const FLANNEL_IMAGES: readonly string[] = ["flannel", "flannel-plugin"].map((name) => foreign(`${name}.tar`));

/** Calico's manifest for VXLAN without BGP, but for one setting: nodes of one subnet would route to each other without VXLAN. */
export async function installCalico(site: Site): Promise<void> {
  const manifest = await readFile(foreign("calico-vxlan.yaml"), "utf8");
  const setting = /(name: CALICO_IPV4POOL_VXLAN\n\s*value:) "CrossSubnet"/;
  if (!setting.test(manifest)) throw new Error("Calico's manifest has no CALICO_IPV4POOL_VXLAN");
  await site.hub.write("/run/calico.yaml", manifest.replace(setting, '$1 "Always"'));
  await site.kubectl("create", "-f", "/run/calico.yaml");
  await site.rolledOut("calico-node");
  await nodesReady(site);
}

/** flannel's manifest as it is. Its network is that of the nodes' podCIDR. */
export async function installFlannel(site: Site): Promise<void> {
  await site.kubectl("create", "-f", foreign("kube-flannel.yml"));
  await site.rolledOut("kube-flannel-ds", "kube-flannel");
}

const bridgeOf = (index: number): object => ({
  type: "bridge",
  bridge: "pods0",
  isGateway: true,
  ipam: { type: "host-local", ranges: [[{ subnet: `10.85.${index}.0/24` }]], routes: [{ dst: "0.0.0.0/0" }] },
});
const PORTMAP = { type: "portmap", capabilities: { portMappings: true } };

/** A bridge with a port mapper on each node: pods of one node reach each other. */
export async function installBridge(site: Site): Promise<void> {
  await writeConfs(site, "10-pods.conflist", (index) => ({
    cniVersion: "1.0.0",
    name: "pods",
    plugins: [bridgeOf(index), PORTMAP],
  }));
}

/** The bridge alone, not as a list: Multus 4.2 deletes a pod of a list with a config that has lost the plugins' keys, and fails. */
export async function installPlainBridge(site: Site): Promise<void> {
  await writeConfs(site, "10-pods.conf", (index) => ({ cniVersion: "1.0.0", name: "pods", ...bridgeOf(index) }));
}

async function writeConfs(site: Site, file: string, confOf: (index: number) => object): Promise<void> {
  for (const [index, name] of NODES.entries()) {
    await site.nodes[name].write(`${NET_D}/${file}`, JSON.stringify(confOf(index)));
  }
  await nodesReady(site);
}

export async function nodesReady({ kubectl }: Site): Promise<void> {
  await kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=120s");
}
