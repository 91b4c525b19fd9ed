/** Multus' rules: a pod has the cluster's default network, and the networks of its annotation beside it (spec §3). */
import { delegateCniArgs } from "../cni/args.ts";
import { type DelegateSource, type DelegateSources, refuseForeign } from "../delegate-source.ts";
import { PlexusError } from "../errors.ts";
import { type IfName, isIfName } from "../ids.ts";
import { JsonObject } from "../json/json-object.ts";
import type { NetConf } from "../netconf.ts";
import { statusOf } from "../network-status.ts";
import { DEFAULT_NETWORK_ANNOTATION, NETWORKS_ANNOTATION, type Pod } from "../pod.ts";
import { parseSelections, type Selection } from "../selection.ts";
import type { TenantLimits } from "../tenant-limits.ts";
import type { Dialect, Placed, Reference, RuntimeConf } from "./dialect.ts";
import { refuseClashes } from "./refuse-clashes.ts";

export const npwg: Dialect = {
  name: "npwg",
  references,
  place,
  capabilityArgs,
  cniArgs: delegateCniArgs,
  status: { annotation: "k8s.v1.cni.cncf.io/network-status", writing: "required", entriesOf: statusOf },
};

const DEFAULT_CONF_DIR = "/etc/cni/multus/net.d";

/** The default network first. */
function references(netConf: NetConf, pod: Pod | undefined, limits: TenantLimits): readonly Reference[] {
  const [clusterDefault, ...more] = clusterNetworks(netConf, pod);
  const first = (pod && ownDefaultNetwork(netConf, pod, limits)) ?? clusterDefault;
  return [first, ...more, ...(pod === undefined ? [] : askedFor(netConf, pod, limits)), ...auxiliaryChain(netConf)];
}

/** What every pod gets. Pods of the system's namespaces, and no pod at all, get the default network only (spec §3.6). */
function clusterNetworks(netConf: NetConf, pod: Pod | undefined): readonly [Reference, ...Reference[]] {
  const { networks, systemNamespaces } = netConf;
  if (networks.given === "by-name") {
    const isSystem = pod === undefined || systemNamespaces.includes(pod.namespace);
    const more = isSystem ? [] : networks.defaultNetworks;
    return [named(netConf, networks.clusterNetwork), ...more.map((name) => named(netConf, name))];
  }
  const [first, ...rest] = networks.delegates.map((text, index): Reference => ({
    at: "inline",
    text,
    what: `delegates[${index}]`,
  }));
  if (first !== undefined) return [first, ...rest];
  throw new PlexusError("invalid-config", "at least one delegate/clusterNetwork must be specified", {
    details:
      'put the default network\'s conf or conflist into "delegates" of the network config, or name it in "clusterNetwork"',
  });
}

/** A name of a NAD, else of a conf in confDir; or the path of a conf, or of a directory with one (spec §4.1). */
function named({ multusNamespace: namespace, confDir = DEFAULT_CONF_DIR }: NetConf, value: string): Reference {
  if (value.includes("/")) return { at: "path", path: value };
  return { at: "nad-or-conf", namespace, name: value, confDir };
}

/** The pod's own choice of default network, if it has made one (spec §3.3). */
function ownDefaultNetwork(netConf: NetConf, pod: Pod, limits: TenantLimits): Reference | undefined {
  const text = pod.annotations[DEFAULT_NETWORK_ANNOTATION];
  if (text === undefined) return undefined;
  const [selection, ...others] = parseSelections(text, netConf.multusNamespace, limits);
  if (selection === undefined || others.length > 0) {
    const problem =
      selection === undefined ? "no default network is specified" : "more than one default network is specified";
    throw new PlexusError("invalid-config", `annotation ${DEFAULT_NETWORK_ANNOTATION}: ${problem}`, {
      details: "name exactly one network, or remove the annotation",
    });
  }
  refuseForeign(netConf, pod, selection.namespace, "default");
  return selected(netConf, selection);
}

function askedFor(netConf: NetConf, pod: Pod, limits: TenantLimits): readonly Reference[] {
  const selections = parseSelections(pod.annotations[NETWORKS_ANNOTATION], pod.namespace, limits);
  for (const { namespace } of selections) refuseForeign(netConf, pod, namespace, "secondary");
  return selections.map((selection) => selected(netConf, selection));
}

function selected({ confDir = DEFAULT_CONF_DIR }: NetConf, selection: Selection): Reference {
  const { namespace, name } = selection;
  return { at: "nad", namespace, name, confDir, selection };
}

function auxiliaryChain({ auxiliaryChain: name, networks, version }: NetConf): readonly Reference[] {
  if (name === undefined) return [];
  const path = networks.given === "by-name" ? networks.clusterNetwork : "";
  if (!path.includes("/")) {
    throw new PlexusError(
      "invalid-config",
      `auxiliary chain used but ClusterNetwork must be a path, and it is not a path: ${path}`,
      { details: "give clusterNetwork as a path, or remove auxiliaryCNIChainName" },
    );
  }
  return [{ at: "auxiliary-chain", name, directory: `${path.slice(0, path.lastIndexOf("/"))}/${name}`, version }];
}

/** The index counts over all networks, so the first beside the default one is net1 even if an earlier one has a name of its own (spec §1.2). */
function place(sources: DelegateSources, first: IfName): readonly Placed[] {
  const placed = sources.map((source, index): Placed => {
    const ifName = source.selection?.interface ?? (index === 0 ? first : `net${index}`);
    if (!isIfName(ifName)) throw new PlexusError("internal", `interface name ${ifName} is not valid`);
    return { source, ifName, primary: index === 0 };
  });
  refuseClashes(placed);
  return placed;
}

/** What the runtime asks of the pod's one interface; another network must not repeat it. */
const PRIMARY_ONLY: ReadonlySet<string> = new Set(["ips", "mac", "infinibandGUID", "deviceID", "CNIDeviceInfoFile"]);

/** These Multus repeats for every network, so that a pod's host ports are mapped twice (delegates B.2); we do when asked to. */
const INHERITABLE: ReadonlySet<string> = new Set(["portMappings", "bandwidth"]);

/** What the runtime says to all, and over it what the pod asks of this network (spec §4.8). */
function capabilityArgs(netConf: RuntimeConf, source: DelegateSource, isPrimary: boolean): JsonObject {
  return isPrimary ? primaryCapabilities(netConf, source) : secondaryCapabilities(netConf, source);
}

/** The runtime's alone, whatever the pod asks of its default network; a device is no wish but a fact. */
function primaryCapabilities({ runtimeConfig }: RuntimeConf, { deviceId }: DelegateSource): JsonObject {
  return deviceId === undefined ? runtimeConfig : runtimeConfig.with("deviceID", JSON.stringify(deviceId));
}

function secondaryCapabilities(
  { runtimeConfig, inheritRuntimeConfig }: RuntimeConf,
  { selection, deviceId }: DelegateSource,
): JsonObject {
  const isShared = (name: string): boolean =>
    !PRIMARY_ONLY.has(name) && (inheritRuntimeConfig || !INHERITABLE.has(name));
  const shared = JsonObject.of([...runtimeConfig.entries()].filter(([name]) => isShared(name)));
  const requested: readonly (readonly [string, unknown])[] = [
    ["portMappings", selection?.portMappings],
    ["bandwidth", selection?.bandwidth],
    ["ips", selection?.ips],
    ["mac", selection?.mac],
    ["infinibandGUID", selection?.infinibandGuid],
    ["deviceID", deviceId ?? selection?.deviceId],
  ];
  return requested
    .filter(([, value]) => value !== undefined)
    .reduce((args, [name, value]) => args.with(name, JSON.stringify(value)), shared);
}
