/** Which networks the sandboxes get, and the runs that attach and detach them, through Plexus and without it. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nad, pod, type Sample } from "../api-server/samples.ts";
import type { Exec, Run } from "./drive.ts";
import { MOST_NETWORKS, netnsPath, SHIM, type Site } from "./site.ts";

/** Plugins that do nothing, or bridge with host-local. */
export type PluginKind = "noop" | "bridge";

/** How many networks beside the default one. */
export type Extra = 1 | 4;

export const VERBS = ["ADD", "DEL"] as const;
export type Verb = (typeof VERBS)[number];

/** How Plexus is called: its config on standard input says which daemon is meant, and which network is the default one. */
export interface Caller {
  readonly confs: Readonly<Record<PluginKind, string>>;
}

const NAMESPACE = "bench";
const EXTRAS: readonly Extra[] = [1, 4];
export const KINDS: readonly PluginKind[] = ["noop", "bridge"];
const INDEXES = Array.from({ length: MOST_NETWORKS }, (_, index) => index);
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Writes what `bare` plugins get on standard input. */
export async function writePluginConfs(site: Site): Promise<void> {
  for (const kind of KINDS) {
    for (const index of INDEXES) await writeFile(confFile(site, kind, index), JSON.stringify(conf(site, kind, index)));
  }
}

/** Writes Plexus' own configs for the daemon that listens there. */
export async function writeCallerConfs(site: Site, directory: string, socketDir: string): Promise<Caller> {
  await mkdir(directory, { recursive: true });
  const write = async (kind: PluginKind): Promise<string> => {
    const file = join(directory, `${kind}.conf`);
    const own = { cniVersion: "1.0.0", name: "plexus-bench", type: "plexus", daemonSocketDir: socketDir };
    await writeFile(file, JSON.stringify({ ...own, delegates: [conf(site, kind, 0)] }));
    return file;
  };
  return { confs: { noop: await write("noop"), bridge: await write("bridge") } };
}

export interface Population {
  readonly kinds: readonly PluginKind[];
  /** Each gets two pods of each kind, one with a single network beside the default one and one with four. */
  readonly sandboxes: number;
  /** Pods and networks that nobody uses. */
  readonly idlePods: number;
  readonly idleNetworks: number;
}

/** Networks for the pods, and more of them that nobody uses. */
export function networkObjects(site: Site, { kinds, idleNetworks }: Population): readonly Sample[] {
  const used = kinds.flatMap((kind) =>
    INDEXES.map((index) => definition(`${kind}${index}`, JSON.stringify(conf(site, kind, index)))),
  );
  const idle = Array.from({ length: idleNetworks }, (_, index) => definition(`idle${index}`, idleConf(index)));
  return [...used, ...idle];
}

export function podObjects({ kinds, sandboxes, idlePods }: Population): readonly Sample[] {
  const used = kinds.flatMap((kind) =>
    EXTRAS.flatMap((extra) => Array.from({ length: sandboxes }, (_, index) => attachedPod(kind, extra, index))),
  );
  const idle = Array.from({ length: idlePods }, (_, index) => pod({ namespace: NAMESPACE, name: `idle-${index}` }));
  return [...used, ...idle];
}

/** The operation on the n-th sandbox, as a runtime asks Plexus for it. */
export function plexusRun(
  site: Site,
  { confs }: Caller,
  { label, verb, kind, extra, index }: Operation & { readonly label: string },
): Run {
  const args = [
    "IgnoreUnknown=1",
    `K8S_POD_NAMESPACE=${NAMESPACE}`,
    `K8S_POD_NAME=${podName(kind, extra, index)}`,
    `K8S_POD_INFRA_CONTAINER_ID=plexus-${kind}-${extra}-${index}`,
  ];
  const env = environment(site, verb, `plexus-${kind}-${extra}-${index}`, index, "eth0", args.join(";"));
  return { label, execs: [{ executable: SHIM, input: confs[kind], env }] };
}

/** The same plugins, one after the other, with nothing in between. */
export function bareRun(site: Site, { label, verb, kind, extra, index }: Operation & { readonly label: string }): Run {
  const execs = INDEXES.slice(0, extra + 1).map((network): Exec => {
    const ifName = network === 0 ? "eth0" : `net${network}`;
    const env = environment(site, verb, `bare-${kind}-${extra}-${index}`, index, ifName, "IgnoreUnknown=1");
    return { executable: pluginFile(site, kind, network), input: confFile(site, kind, network), env };
  });
  return { label, execs: verb === "ADD" ? execs : execs.toReversed() };
}

export interface Operation {
  readonly verb: Verb;
  readonly kind: PluginKind;
  readonly extra: Extra;
  /** Which sandbox. */
  readonly index: number;
}

export function environment(
  site: Site,
  verb: Verb | "STATUS" | "VERSION",
  container: string,
  index: number,
  ifName: string,
  args: string,
): Readonly<Record<string, string>> {
  return {
    PATH,
    CNI_COMMAND: verb,
    CNI_CONTAINERID: container,
    CNI_NETNS: netnsPath(index),
    CNI_IFNAME: ifName,
    CNI_ARGS: args,
    CNI_PATH: site.pluginDirs.join(":"),
  };
}

function conf(site: Site, kind: PluginKind, index: number): object {
  const name = `${kind}${index}`;
  if (kind === "noop") return { cniVersion: "1.0.0", name, type: name };
  const ipam = { type: "host-local", dataDir: join(site.directory, "leases"), subnet: `10.${100 + index}.0.0/16` };
  return { cniVersion: "1.0.0", name, type: "bridge", bridge: `bench${index}`, ipMasq: false, ipam };
}

function confFile(site: Site, kind: PluginKind, index: number): string {
  return join(site.directory, `${kind}${index}.conf`);
}

function pluginFile({ pluginDirs }: Site, kind: PluginKind, index: number): string {
  const [noops = "", real = ""] = pluginDirs;
  return kind === "noop" ? join(noops, `noop${index}`) : join(real, "bridge");
}

function podName(kind: PluginKind, extra: Extra, index: number): string {
  return `${kind}-${extra}-${index}`;
}

function definition(name: string, config: string): Sample {
  return nad({ namespace: NAMESPACE, name, config });
}

/** Some 700 bytes: two plugins, a few routes. */
function idleConf(index: number): string {
  const name = `idle${index}`;
  const subnets = Array.from({ length: 10 }, (_, subnet) => `10.${subnet}.${index % 256}.0/24`);
  const routes = subnets.map((dst) => ({ dst, gw: "10.200.0.1" }));
  const ipam = { type: "host-local", dataDir: "/run/cni/leases", subnet: "10.200.0.0/16", routes };
  const bridge = { type: "bridge", bridge: name, isGateway: false, ipMasq: false, mtu: 1500, hairpinMode: true, ipam };
  const tuning = { type: "tuning", sysctl: { "net.ipv4.conf.all.arp_filter": "1" } };
  return JSON.stringify({ cniVersion: "1.0.0", name, plugins: [bridge, tuning] });
}

function attachedPod(kind: PluginKind, extra: Extra, index: number): Sample {
  const networks = INDEXES.slice(1, extra + 1).map((network) => `${kind}${network}`);
  const annotations = { "k8s.v1.cni.cncf.io/networks": networks.join(",") };
  return pod({ namespace: NAMESPACE, name: podName(kind, extra, index), annotations });
}
