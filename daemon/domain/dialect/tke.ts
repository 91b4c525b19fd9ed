/**
 * The rules of TKE's fork of Multus (dialect spec A): a pod has the networks of its annotation, or else the default ones; all are confs on the
 * node. Where the fork crashes or leaks this does not; its other oddities are back with `strictCompat`. docs/tke.md lists them.
 */
import { fourCniArgs } from "../cni/args.ts";
import type { DelegateSources } from "../delegate-source.ts";
import { PlexusError } from "../errors.ts";
import { type IfName, isIfName } from "../ids.ts";
import type { NetConf } from "../netconf.ts";
import { isInSandbox, type NetworkStatus, withoutPrefixLength } from "../network-status.ts";
import { type Pod, TKE_NETWORKS_ANNOTATION } from "../pod.ts";
import type { TenantLimits } from "../tenant-limits.ts";
import type { Dialect, Placed, Reference, ShownAttachment } from "./dialect.ts";
import { refuseClashes } from "./refuse-clashes.ts";
import { parseTkeSelections } from "./tke-selection.ts";

export function tke({ strictCompat, namesKubeconfig }: Pick<NetConf, "strictCompat" | "namesKubeconfig">): Dialect {
  return {
    name: "tke",
    references: (netConf, pod, limits) => references(netConf, pod, limits, strictCompat),
    place,
    capabilityArgs: ({ runtimeConfig }) => runtimeConfig,
    cniArgs: fourCniArgs,
    status: {
      annotation: "tke.cloud.tencent.com/networks-status",
      writing: strictCompat && !namesKubeconfig ? "none" : "best-effort",
      // The fork marks the first of its list before it looks who holds CNI_IFNAME, and marks that one too.
      entriesOf: (shown) => [statusOf(shown, shown.primary || (strictCompat && shown.index === 0))],
    },
  };
}

const DEFAULT_CONF_DIR = "/etc/cni/net.d/multus";

/** An annotation replaces the default networks, which then need not even exist. */
function references(
  { confDir = DEFAULT_CONF_DIR, defaultDelegates }: NetConf,
  pod: Pod | undefined,
  limits: TenantLimits,
  strictCompat: boolean,
): readonly Reference[] {
  const annotation = pod?.annotations[TKE_NETWORKS_ANNOTATION];
  const [text, what] =
    annotation === undefined || annotation === ""
      ? [defaultDelegates, "defaultDelegates"]
      : [annotation, `annotation ${TKE_NETWORKS_ANNOTATION}`];
  if (text === undefined) return [];
  return parseTkeSelections(text, what, strictCompat, limits).map((selection) => ({
    at: "conf",
    name: selection.name,
    confDir,
    selection,
  }));
}

/**
 * CNI_IFNAME goes to who asks for it, else to the first that asks for nothing. The others without a name of their own count on from the
 * highest number there is, wherever it stands behind the first three characters: after `net5` comes `eth6`.
 */
function place(sources: DelegateSources, first: IfName): readonly Placed[] {
  const wanted = sources.map((source) => ({ source, ifName: source.selection?.interface }));
  refuseClashes(wanted.flatMap(({ source, ifName }) => (ifName === undefined ? [] : [{ source, ifName }])));
  const primary = wanted.find(({ ifName }) => ifName === first) ?? wanted.find(({ ifName }) => ifName === undefined);
  if (primary === undefined) {
    throw new PlexusError("invalid-config", `no network for interface ${first}: all ask for another interface`, {
      details: `have one of them ask for ${first}, or for none`,
    });
  }
  let last = Math.max(...[first, ...wanted.map(({ ifName }) => ifName)].map(numberOf));
  return wanted.map((one) => {
    const { source, ifName } = one;
    return one === primary
      ? { source, ifName: first, primary: true }
      : { source, ifName: ifName ?? numbered(++last), primary: false };
  });
}

function numberOf(ifName: IfName | undefined): number {
  const tail = ifName?.slice(3) ?? "";
  return /^\d+$/.test(tail) ? Number(tail) : 0;
}

function numbered(number: number): IfName {
  const name = `eth${number}`;
  if (isIfName(name)) return name;
  throw new PlexusError("invalid-config", `${name} is too long for the name of an interface`, {
    details: "interfaces are numbered on from the highest number that the pod asks for; ask for a smaller one",
  });
}

/** One entry for each network, with its last interface in the sandbox, all addresses, and no more than the fork tells. */
function statusOf({ network, result }: ShownAttachment, isDefault: boolean): NetworkStatus {
  const link = result.interfaces.findLast(isInSandbox);
  const ips = result.ips.map(({ address }) => withoutPrefixLength(address));
  return {
    name: network,
    interface: link?.name === "" ? undefined : link?.name,
    ips: ips.length === 0 ? undefined : ips,
    mac: link?.mac,
    default: isDefault ? true : undefined,
    dns: result.dns,
  };
}
