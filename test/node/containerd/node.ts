/** A node with containerd, whose pods Plexus attaches, and the part of a kubelet that makes and removes their sandboxes. */
import { setTimeout as pause } from "node:timers/promises";
import { here, type Host, makeHost } from "../host.ts";
import { BIN, makePlexus, MANIFESTS, type Plexus, RECORDS } from "../plexus.ts";
import { type Containerd, startContainerd } from "./containerd.ts";
import type { SandboxConfig } from "./cri.ts";

/** What a sandbox may be made with besides its pod's name. */
export type SandboxOptions = Partial<Pick<SandboxConfig, "port_mappings" | "annotations">> & {
  readonly attempt?: number;
  /** Aborted when the kubelet goes away in the middle. */
  readonly signal?: AbortSignal;
};

export interface Node {
  readonly host: Host;
  readonly plexus: Plexus;
  readonly containerd: Containerd;
  /** RunPodSandbox. Resolves with the sandbox' id. */
  run(pod: string, options?: SandboxOptions): Promise<string>;
  /** StopPodSandbox and RemovePodSandbox. */
  remove(sandbox: string): Promise<void>;
  /** As a kubelet goes about it: what fails is removed and made anew, until it succeeds. */
  runInTheEnd(pod: string, options?: SandboxOptions): Promise<string>;
  /** As a kubelet goes about it: again and again, until it succeeds. */
  removeInTheEnd(sandbox: string): Promise<void>;
  /** Removes every sandbox there is, as a kubelet would. */
  removeAll(): Promise<void>;
  /** The runtime's view of a sandbox. */
  status(sandbox: string): Promise<{ readonly state: string; readonly ip: string; readonly netns: string }>;
  /** IPv4 addresses by interface, without lo. */
  addresses(sandbox: string): Promise<Readonly<Record<string, string>>>;
  /** Whether the runtime thinks that it has a network config. */
  networkReady(): Promise<boolean>;
  /** The plugin that the runtime calls at present. */
  netConfType(): Promise<string>;
  /** What pods have left when all that is owed has been done, or else after a while. */
  leftovers(): Promise<string>;
  stop(): Promise<void>;
}

export const NET_CONF = "/etc/cni/net.d/00-plexus.conf";

export const PODS = {
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: "cni0",
      isGateway: true,
      ipam: { type: "host-local", ranges: [[{ subnet: "10.85.0.0/20" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
    { type: "portmap", snat: true, capabilities: { portMappings: true } },
    { type: "bandwidth", capabilities: { bandwidth: true } },
  ],
};

export const PLEXUS = {
  cniVersion: "1.0.0",
  name: "plexus",
  type: "plexus",
  capabilities: { portMappings: true, bandwidth: true },
  delegates: [PODS],
};

export const BLUE = {
  cniVersion: "0.3.1",
  name: "blue",
  type: "bridge",
  bridge: "blue0",
  ipam: { type: "host-local", ranges: [[{ subnet: "10.86.0.0/20" }]] },
};

/** Bridges and portmap's common chains stay on a node. */
const LEFTOVERS = `
ip -o link | sed 's/@.*//' | awk '{print $2}' | grep -v -e '^lo' -e '^cni0' -e '^blue0' || true
iptables-save | grep -e '^:CNI-[^H]' -e 'CNI-DN-' -e 'id: ' || true
find /var/lib/cni /var/lib/plexus/spool ${RECORDS} /run/netns -type f ! -name last_reserved_ip.0 ! -name lock 2>/dev/null || true`;

const IN_THE_END_MS = 20_000;
/** How long a kubelet of the tests goes on trying. */
const KUBELET_MS = 40_000;
const KUBELET_PAUSE_MS = 50;

/**
 * Makes a node on which the daemon does not run yet.
 * @param netConfs by file, absolute
 */
export async function makeNode(netConfs: Readonly<Record<string, object>>): Promise<Node> {
  const host = await makeHost();
  const plexus = await makePlexus(host);
  await host.sh(`ln -s ${here("dist/plexus")} ${BIN}/plexus`);
  await host.write(`${MANIFESTS}/blue.json`, JSON.stringify(network("blue", BLUE)));
  for (const [file, conf] of Object.entries(netConfs)) await host.write(file, JSON.stringify(conf));
  const containerd = await startContainerd(host).catch(async (error: unknown) => {
    await host.stop();
    throw error;
  });

  const node: Node = {
    host,
    plexus,
    containerd,
    async run(pod, { attempt = 0, port_mappings = [], annotations = {}, signal } = {}) {
      const metadata = { name: pod, namespace: "default", uid: `uid-${pod}`, attempt };
      const linux = { cgroup_parent: containerd.cgroup };
      const config = { metadata, hostname: pod, port_mappings, annotations, linux };
      return (await containerd.cri.call("RunPodSandbox", { config }, signal)).pod_sandbox_id;
    },
    async remove(sandbox) {
      await containerd.cri.call("StopPodSandbox", { pod_sandbox_id: sandbox });
      await containerd.cri.call("RemovePodSandbox", { pod_sandbox_id: sandbox });
    },
    runInTheEnd: (pod, options) =>
      inTheEnd(async (attempt) => {
        const { items } = await containerd.cri.call("ListPodSandbox", {});
        for (const { id, metadata } of items) if (metadata.name === pod) await node.remove(id);
        return node.run(pod, { ...options, attempt });
      }),
    removeInTheEnd: (sandbox) => inTheEnd(() => node.remove(sandbox)),
    async removeAll() {
      const { items } = await containerd.cri.call("ListPodSandbox", {});
      await Promise.all(items.map(({ id }) => node.removeInTheEnd(id)));
    },
    async status(sandbox) {
      const { status, info } = await containerd.cri.call("PodSandboxStatus", {
        pod_sandbox_id: sandbox,
        verbose: true,
      });
      // containerd's own, not part of the interface.
      const { runtimeSpec } = JSON.parse(info["info"] ?? "{}") as {
        readonly runtimeSpec?: { readonly linux: { readonly namespaces: readonly { type: string; path?: string }[] } };
      };
      const netns = runtimeSpec?.linux.namespaces.find(({ type }) => type === "network")?.path ?? "";
      return { state: status.state, ip: status.network?.ip ?? "", netns };
    },
    async addresses(sandbox) {
      const { netns } = await node.status(sandbox);
      const links = JSON.parse(await host.sh(`nsenter --net=${netns} ip -4 -json addr`)) as {
        readonly ifname: string;
        readonly addr_info: readonly { readonly local: string }[];
      }[];
      const pairs = links.map(({ ifname, addr_info }) => [ifname, addr_info.map(({ local }) => local).join()] as const);
      return Object.fromEntries(pairs.filter(([name]) => name !== "lo"));
    },
    async networkReady() {
      const { status } = await containerd.cri.call("Status", { verbose: true });
      return status.conditions.some(({ type, status }) => type === "NetworkReady" && status);
    },
    async netConfType() {
      const { info } = await containerd.cri.call("Status", { verbose: true });
      // containerd's own, not part of the interface. The first is the loopback.
      const { Networks } = JSON.parse(info["cniconfig"] ?? "{}") as {
        readonly Networks: readonly {
          readonly Config: { readonly Plugins: readonly { readonly Network: { readonly type: string } }[] };
        }[];
      };
      return Networks[1]?.Config.Plugins[0]?.Network.type ?? "";
    },
    async leftovers() {
      const deadline = AbortSignal.timeout(IN_THE_END_MS);
      let left = await host.sh(LEFTOVERS);
      while (left !== "" && !deadline.aborted) {
        await pause(50);
        left = await host.sh(LEFTOVERS);
      }
      return left;
    },
    async stop() {
      try {
        await containerd.stop();
      } finally {
        await plexus.terminate();
        await host.stop();
      }
    },
  };
  return node;
}

/** Tries until it succeeds. */
async function inTheEnd<T>(attempt: (count: number) => Promise<T>): Promise<T> {
  const deadline = AbortSignal.timeout(KUBELET_MS);
  for (let count = 0; ; count++) {
    try {
      return await attempt(count);
    } catch (error) {
      if (deadline.aborted) throw error;
      await pause(KUBELET_PAUSE_MS);
    }
  }
}

/** A NetworkAttachmentDefinition. */
export function network(name: string, config: object): object {
  return {
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name },
    spec: { config: JSON.stringify(config) },
  };
}

/** A pod for each name, with the networks its annotation asks for. */
export function pods(names: readonly string[], networks: string): string {
  const annotations = { "k8s.v1.cni.cncf.io/networks": networks };
  return names
    .map((name) => JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name, annotations } }))
    .join("\n---\n");
}
