/** Files as Multus in its releases, and TKE's fork of it, leave them. */
import type { LegacyFile, MultusNote } from "../../daemon/migration/multus-note.ts";

export const CID = "4f1d3c0e9a7b58264f1d3c0e9a7b58264f1d3c0e9a7b58264f1d3c0e9a7b5826";

export const CALICO = JSON.stringify({
  cniVersion: "0.3.1",
  name: "k8s-pod-network",
  plugins: [
    { type: "calico", datastore_type: "kubernetes", mtu: 0, ipam: { type: "calico-ipam" }, policy: { type: "k8s" } },
    { type: "portmap", snat: true, capabilities: { portMappings: true } },
  ],
});
export const MACVLAN = '{"cniVersion":"0.3.1","name":"blue","type":"macvlan","master":"ens4","ipam":{"type":"dhcp"}}';

export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** What Go writes of the confs above, structs that nobody filled included. */
const CALICO_LIST = {
  cniVersion: "0.3.1",
  name: "k8s-pod-network",
  plugins: [
    { type: "calico", ipam: { type: "calico-ipam" }, dns: {} },
    { type: "portmap", capabilities: { portMappings: true }, ipam: {}, dns: {} },
  ],
};
const MACVLAN_CONF = { cniVersion: "0.3.1", name: "blue", type: "macvlan", ipam: { type: "dhcp" }, dns: {} };
const EMPTY = { ipam: {}, dns: {} };
const FILTERS = { IsFilterV4Gateway: false, IsFilterV6Gateway: false };

/** The present shape: a list, and a single conf. */
export const calicoEntry = {
  Conf: EMPTY,
  ConfList: CALICO_LIST,
  Name: "k8s-pod-network",
  ...FILTERS,
  Bytes: base64(CALICO),
};
export const macvlanEntry = {
  Conf: MACVLAN_CONF,
  ConfList: {},
  Name: "shop/blue",
  ...FILTERS,
  Bytes: base64(MACVLAN),
};

/** Releases 4.2.1 to 4.3.0: `Bytes` of a list from a file has lost what is not standard. */
export const lossyCalicoEntry = {
  ...calicoEntry,
  CNINetworkConfigList: {
    Name: "k8s-pod-network",
    CNIVersion: "0.3.1",
    DisableCheck: false,
    DisableGC: false,
    LoadOnlyInlinedPlugins: false,
    Plugins: (JSON.parse(CALICO) as { plugins: { type: string }[] }).plugins.map((plugin) => ({
      Network: { type: plugin.type, ipam: {}, dns: {} },
      Bytes: base64(JSON.stringify(plugin)),
    })),
    Bytes: base64(CALICO),
  },
  Bytes: base64(JSON.stringify(CALICO_LIST)),
};
/** The same releases, of a single conf. */
export const macvlanEntryOfThen = {
  ...macvlanEntry,
  CNINetworkConfigList: { Name: "", CNIVersion: "", DisableCheck: false, DisableGC: false, Plugins: null, Bytes: null },
};

/** Before there was `Bytes`. */
export const bareEntries = [
  { Conf: EMPTY, ConfList: CALICO_LIST },
  { Conf: MACVLAN_CONF, ConfList: { plugins: null } },
];

export function tkeEntry(conf: string, ifnameRequest: string, more: object = {}): object {
  const { name, type, plugins } = JSON.parse(conf) as Record<string, unknown>;
  return {
    Conf: { name, type, ...EMPTY },
    ConfList: { name, plugins },
    ifnameRequest,
    ...(plugins !== undefined && { confListPlugin: true }),
    ...more,
    Bytes: base64(conf),
  };
}

export const RESULT = JSON.stringify({
  cniVersion: "0.3.1",
  interfaces: [{ name: "net1", mac: "02:00:00:00:00:01", sandbox: "/run/netns/pod" }],
  ips: [{ version: "4", interface: 0, address: "192.168.7.9/24" }],
  dns: {},
});

const CACHED_ARGS = [
  ["IgnoreUnknown", "true"],
  ["K8S_POD_NAMESPACE", "shop"],
  ["K8S_POD_NAME", "web"],
  ["K8S_POD_INFRA_CONTAINER_ID", CID],
  ["K8S_POD_UID", "uid-1"],
  ["MAC", "02:00:00:00:00:01"],
];

/** libcni's cache of one attachment. */
export function cached(network: string, ifName: string, conf: string, more: object = {}): LegacyFile {
  const content = {
    kind: "cniCacheV1",
    containerId: CID,
    config: base64(conf),
    ifName,
    networkName: network,
    netns: "/run/netns/pod",
    cniArgs: CACHED_ARGS,
    capabilityArgs: {},
    result: JSON.parse(RESULT) as object,
    ...more,
  };
  return { name: `${network}-${CID}-${ifName}`, text: JSON.stringify(content) };
}

export function filesOf(scratch: unknown, results: readonly LegacyFile[] = []): MultusNote {
  return {
    path: `/var/lib/cni/multus/${CID}`,
    scratch: typeof scratch === "string" ? scratch : JSON.stringify(scratch),
    writtenAt: 1_700_000_000_000,
    results,
  };
}
