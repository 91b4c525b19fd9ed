import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCniArgs } from "../../../daemon/domain/cni/args.ts";
import type { DelegateSources } from "../../../daemon/domain/delegate-source.ts";
import { npwg } from "../../../daemon/domain/dialect/npwg.ts";
import { PlexusError } from "../../../daemon/domain/errors.ts";
import { namespace, podName } from "../../../daemon/domain/ids.ts";
import { parseNetConf } from "../../../daemon/domain/netconf.ts";
import { type PlannedAttachment, planAttachments } from "../../../daemon/domain/plan.ts";
import { DEFAULT_LIMITS, type TenantLimits } from "../../../daemon/domain/tenant-limits.ts";
import { findDelegates } from "../../../daemon/operations/planning/find-delegates.ts";
import { jsonObject, jsonValue, spoilt } from "../../domain/json/json-text.ts";
import { fixedNetworks } from "../../fakes/fixed-networks.ts";
import { memoryConfFiles } from "../../fakes/memory-conf-files.ts";
import { addRequest, delRequest, eth0, nadsFrom, netConf, POD_ARGS, sandbox, stage, stdinOf } from "../stage.ts";

const NETWORKS = "k8s.v1.cni.cncf.io/networks";
const DEFAULT = "v1.multus-cni.io/default-network";
const CONF_DIR = "/etc/cni/multus/net.d";

const BRIDGE = '{"cniVersion":"1.0.0","name":"pods","type":"bridge"}';
const MACVLAN = '{"cniVersion":"1.0.0","type":"macvlan"}';
const KINDNET = '{"cniVersion":"1.0.0","name":"kindnet","plugins":[{"type":"ptp","mtu":1.50},{"type":"portmap"}]}';
const TUNING = '{"type":"tuning","sysctl":{"net.core.somaxconn":"500"}}';

interface Given {
  /** Members of the network config; a bridge of its own when not given. */
  readonly conf?: string;
  /** The pod's annotations; null for no pod at all. */
  readonly annotations?: Readonly<Record<string, string>> | null;
  readonly podNamespace?: string;
  /** By `<namespace>/<name>`, or by name for those in namespace shop. */
  readonly nads?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly limits?: Partial<TenantLimits>;
}

async function find(given: Given, warnings: string[] = []): Promise<DelegateSources> {
  const {
    conf = `"delegates":[${BRIDGE}]`,
    annotations = {},
    podNamespace = "shop",
    nads = {},
    files = {},
    limits,
  } = given;
  const pod = annotations && { namespace: namespace(podNamespace), name: podName("web"), uid: "", annotations };
  const deps = {
    networks: fixedNetworks(nadsFrom(nads)),
    confFiles: memoryConfFiles(new Map(Object.entries(files))),
    limits: { ...DEFAULT_LIMITS, ...limits },
  };
  const parsed = parseNetConf(`{"cniVersion":"1.0.0","name":"plexus",${conf}}`);
  const { sources, refusals } = await findDelegates(deps, parsed, pod ?? undefined, {
    warn: (message) => warnings.push(message),
  });
  for (const refusal of refusals) throw refusal;
  const [first, ...more] = sources;
  return [first ?? expect.fail("no network"), ...more];
}

/** `<what the network is called>: <its conf's name>, <its plugins>`, in the order of attaching. */
async function found(given: Given, warnings?: string[]): Promise<readonly string[]> {
  const sources = await find(given, warnings);
  return sources.map(({ network, conflist: { name, plugins } }) => {
    return `${network}: ${name}, ${plugins.map(({ type }) => type).join(" ")}`;
  });
}

const failed = (want: object): Error => expect.objectContaining(want) as Error;

describe("the networks that every pod gets", () => {
  it.each<Given & { why: string; want: readonly string[] }>([
    {
      why: "inline delegates are called what their confs are called, single or list (T117)",
      conf: `"delegates":[${BRIDGE},${KINDNET}]`,
      want: ["pods: pods, bridge", "kindnet: kindnet, ptp portmap"],
    },
    {
      why: "clusterNetwork names a NAD, which lends its name to a conf without one (T160)",
      conf: '"clusterNetwork":"mynet"',
      nads: { "kube-system/mynet": MACVLAN },
      want: ["kube-system/mynet: mynet, macvlan"],
    },
    {
      why: "or one in the namespace that multusNamespace says",
      conf: '"clusterNetwork":"mynet","multusNamespace":"net"',
      nads: { "kube-system/mynet": BRIDGE, "net/mynet": MACVLAN },
      want: ["net/mynet: mynet, macvlan"],
    },
    {
      why: "defaultNetworks follow in their order (T161)",
      conf: '"clusterNetwork":"one","defaultNetworks":["two","three"]',
      nads: { "kube-system/one": MACVLAN, "kube-system/two": MACVLAN, "kube-system/three": MACVLAN },
      want: ["kube-system/one: one, macvlan", "kube-system/two: two, macvlan", "kube-system/three: three, macvlan"],
    },
    {
      why: "but not for pods of the system's namespaces, who still get what they ask for (T162)",
      conf: '"clusterNetwork":"one","defaultNetworks":["two"]',
      podNamespace: "kube-system",
      annotations: { [NETWORKS]: "two" },
      nads: { "kube-system/one": MACVLAN, "kube-system/two": BRIDGE },
      want: ["kube-system/one: one, macvlan", "kube-system/two: pods, bridge"],
    },
    {
      why: "and not for no pod at all: then they are not even looked for (T180)",
      conf: '"clusterNetwork":"/cni/10-a.conflist","defaultNetworks":["missing"]',
      annotations: null,
      files: { "/cni/10-a.conflist": KINDNET },
      want: ["kindnet: kindnet, ptp portmap"],
    },
    {
      why: "a name that no NAD has means a conf on disk with that name inside, whatever its file is called (T163)",
      conf: '"clusterNetwork":"kindnet"',
      files: { [`${CONF_DIR}/kindnet.conf`]: BRIDGE, [`${CONF_DIR}/other.conflist`]: KINDNET },
      want: ["kindnet: kindnet, ptp portmap"],
    },
    {
      why: "so does a NAD that cannot be used",
      conf: '"clusterNetwork":"pods"',
      nads: { "kube-system/pods": "{" },
      files: { [`${CONF_DIR}/10-pods.conf`]: BRIDGE },
      want: ["pods: pods, bridge"],
    },
    {
      why: "a path leads to that file (T164)",
      conf: '"clusterNetwork":"/cni/20-b.conf"',
      files: { "/cni/10-a.conflist": KINDNET, "/cni/20-b.conf": BRIDGE },
      want: ["pods: pods, bridge"],
    },
    {
      why: "or to a directory, of which the first file counts (T164)",
      conf: '"clusterNetwork":"/cni"',
      files: { "/cni/20-b.conf": BRIDGE, "/cni/10-a.conflist": KINDNET, "/cni/00-note.txt": "" },
      want: ["kindnet: kindnet, ptp portmap"],
    },
    {
      why: "to a conflist belong the plugins in the directory named like it (T175)",
      conf: '"clusterNetwork":"/cni/10-x.conflist"',
      files: {
        "/cni/10-x.conflist": KINDNET,
        "/cni/kindnet/20-firewall.conf": '{"type":"firewall"}',
        "/cni/kindnet/10-sysctl.conf": TUNING,
        "/cni/kindnet/30-note.json": "{}",
        "/cni/other/10-y.conf": TUNING,
      },
      want: ["kindnet: kindnet, ptp portmap tuning firewall"],
    },
    {
      why: "unless it wants its own only (T179)",
      conf: '"clusterNetwork":"/cni/10-x.conflist"',
      files: {
        "/cni/10-x.conflist": KINDNET.replace("{", '{"loadOnlyInlinedPlugins":true,'),
        "/cni/kindnet/10-sysctl.conf": TUNING,
      },
      want: ["kindnet: kindnet, ptp portmap"],
    },
    {
      why: "a conflist that is found by name has no such directory",
      conf: '"clusterNetwork":"kindnet"',
      files: { [`${CONF_DIR}/10-x.conflist`]: KINDNET, [`${CONF_DIR}/kindnet/10-sysctl.conf`]: TUNING },
      want: ["kindnet: kindnet, ptp portmap"],
    },
    {
      why: "all in their order: the cluster's, the pod's, and the auxiliary chain last (T176)",
      conf: '"clusterNetwork":"/cni/10-x.conf","defaultNetworks":["one"],"auxiliaryCNIChainName":"vendor"',
      annotations: { [NETWORKS]: "blue" },
      nads: { "kube-system/one": MACVLAN, blue: MACVLAN },
      files: { "/cni/10-x.conf": BRIDGE, "/cni/vendor/10-sysctl.conf": TUNING },
      want: [
        "pods: pods, bridge",
        "kube-system/one: one, macvlan",
        "shop/blue: blue, macvlan",
        "vendor: vendor, passthru tuning",
      ],
    },
    {
      why: "an auxiliary chain of which there is nothing is none (T177)",
      conf: '"clusterNetwork":"/cni/10-x.conf","auxiliaryCNIChainName":"vendor"',
      files: { "/cni/10-x.conf": BRIDGE },
      want: ["pods: pods, bridge"],
    },
  ])("$why", async ({ want, ...given }) => {
    const warnings: string[] = [];
    expect(await found(given, warnings)).toEqual(want);
    expect(warnings).toEqual([]);
  });

  it("an auxiliary chain that cannot be read is left out, but not in silence", async () => {
    const warnings: string[] = [];
    const files = { "/cni/10-x.conf": BRIDGE, "/cni/vendor/10-sysctl.conf": "{" };
    const conf = '"clusterNetwork":"/cni/10-x.conf","auxiliaryCNIChainName":"vendor"';
    expect(await found({ conf, files }, warnings)).toEqual(["pods: pods, bridge"]);
    expect(warnings).toEqual([
      expect.stringMatching(/^auxiliary chain vendor is left out: CNI config file 10-sysctl\.conf is not JSON/),
    ]);
  });

  it.each<Given & { why: string; kind: string; says: string }>([
    { why: "no network at all (T110)", conf: '"delegates":[]', kind: "invalid-config", says: "at least one delegate" },
    {
      why: "an inline delegate without type and plugins (T111)",
      conf: `"delegates":[${BRIDGE},{"name":"a"}]`,
      kind: "invalid-config",
      says: "delegates[1]: delegate must have the 'type' or 'plugins' field",
    },
    {
      why: "an inline delegate without a name (T024)",
      conf: `"delegates":[${BRIDGE},{"type":"macvlan"}]`,
      kind: "invalid-config",
      says: "delegates[1]: missing network name",
    },
    {
      why: "a clusterNetwork that is neither a NAD nor on disk, and the reason is told (T165)",
      conf: '"clusterNetwork":"nowhere"',
      files: { [`${CONF_DIR}/10-a.conf`]: BRIDGE },
      kind: "network-not-found",
      says: "cannot find network: nowhere: cannot find a network-attachment-definition (nowhere) in namespace (kube-system)",
    },
    {
      why: "a NAD that cannot be used and is not on disk either",
      conf: '"clusterNetwork":"pods"',
      nads: { "kube-system/pods": "{" },
      kind: "decode-failure",
      says: 'cannot find network: pods: the config of network "kube-system/pods" is not JSON',
    },
    {
      why: "one of the defaultNetworks that is not there",
      conf: '"clusterNetwork":"one","defaultNetworks":["nowhere"]',
      nads: { "kube-system/one": MACVLAN },
      kind: "network-not-found",
      says: "cannot find network: nowhere",
    },
    {
      why: "a path where nothing is",
      conf: '"clusterNetwork":"/cni/10-x.conf"',
      kind: "network-not-found",
      says: "/cni/10-x.conf: no such file",
    },
    {
      why: "a directory without a conf (T164)",
      conf: '"clusterNetwork":"/cni"',
      files: { "/cni/readme.txt": "" },
      kind: "network-not-found",
      says: "no CNI configuration in /cni",
    },
    {
      why: "a conf at a path that has no type",
      conf: '"clusterNetwork":"/cni/10-x.conf"',
      files: { "/cni/10-x.conf": KINDNET },
      kind: "invalid-config",
      says: "10-x.conf: error parsing configuration: missing 'type'",
    },
    {
      why: "a plugin in a conflist's directory that cannot be read",
      conf: '"clusterNetwork":"/cni/10-x.conflist"',
      files: { "/cni/10-x.conflist": KINDNET, "/cni/kindnet/10-sysctl.conf": "{" },
      kind: "decode-failure",
      says: "10-sysctl.conf is not JSON",
    },
    {
      why: "an auxiliary chain beside a clusterNetwork that is no path (T178)",
      conf: '"clusterNetwork":"one","auxiliaryCNIChainName":"vendor"',
      nads: { "kube-system/one": MACVLAN },
      kind: "invalid-config",
      says: "auxiliary chain used but ClusterNetwork must be a path, and it is not a path: one",
    },
    {
      why: "with isolation, a conf on the node by way of a NAD without a config in the pod's own namespace (issue 11)",
      conf: `"delegates":[${BRIDGE}],"namespaceIsolation":true`,
      annotations: { [NETWORKS]: "kindnet" },
      nads: { kindnet: "" },
      files: { [`${CONF_DIR}/20-b.conflist`]: KINDNET },
      kind: "namespace-forbidden",
      says: 'network "shop/kindnet" has no spec.config and may not name a conf on the node',
    },
    {
      why: "with isolation, the same by a config of blanks only",
      conf: `"delegates":[${BRIDGE}],"namespaceIsolation":true`,
      annotations: { [NETWORKS]: "kindnet" },
      nads: { kindnet: " \n" },
      files: { [`${CONF_DIR}/20-b.conflist`]: KINDNET },
      kind: "namespace-forbidden",
      says: "may not name a conf on the node",
    },
  ])("refused: $why", async ({ kind, says, ...given }) => {
    await expect(find(given)).rejects.toThrow(failed({ kind, message: expect.stringContaining(says) as string }));
  });
});

describe("the networks that a pod asks for", () => {
  it.each<Given & { why: string; want: readonly string[] }>([
    {
      why: "a NAD without a config means the conf of its name on disk, found by the name inside (T169)",
      annotations: { [NETWORKS]: "kindnet" },
      nads: { kindnet: " " },
      files: { [`${CONF_DIR}/10-a.conf`]: BRIDGE, [`${CONF_DIR}/20-b.conflist`]: KINDNET },
      want: ["pods: pods, bridge", "shop/kindnet: kindnet, ptp portmap"],
    },
    {
      why: "in the directory that confDir says",
      conf: `"delegates":[${BRIDGE}],"confDir":"/mine"`,
      annotations: { [NETWORKS]: "kindnet" },
      nads: { kindnet: "" },
      files: { "/mine/a.conflist": KINDNET },
      want: ["pods: pods, bridge", "shop/kindnet: kindnet, ptp portmap"],
    },
    {
      why: "a bad file behind the right one is not looked at (T170)",
      annotations: { [NETWORKS]: "kindnet" },
      nads: { kindnet: "" },
      files: { [`${CONF_DIR}/10-a.conflist`]: KINDNET, [`${CONF_DIR}/20-b.conf`]: "{" },
      want: ["pods: pods, bridge", "shop/kindnet: kindnet, ptp portmap"],
    },
    {
      why: "without isolation, of any namespace",
      annotations: { [NETWORKS]: "kube-system/blue" },
      nads: { "kube-system/blue": MACVLAN },
      want: ["pods: pods, bridge", "kube-system/blue: blue, macvlan"],
    },
    {
      why: "with isolation, of a global one (T148)",
      conf: `"delegates":[${BRIDGE}],"namespaceIsolation":true,"globalNamespaces":"kube-system,donkey-kong"`,
      annotations: { [NETWORKS]: "kube-system/blue" },
      nads: { "kube-system/blue": MACVLAN },
      want: ["pods: pods, bridge", "kube-system/blue: blue, macvlan"],
    },
    { why: "nothing, when there is no pod (T174)", annotations: null, want: ["pods: pods, bridge"] },
  ])("$why", async ({ want, ...given }) => {
    expect(await found(given)).toEqual(want);
  });

  it.each<Given & { why: string; kind: string; says: string }>([
    {
      why: "a NAD that is not there (T145)",
      annotations: { [NETWORKS]: "ops/blue" },
      kind: "network-not-found",
      says: "cannot find a network-attachment-definition (blue) in namespace (ops)",
    },
    {
      why: "the NAD without a name behind a trailing comma (T146)",
      annotations: { [NETWORKS]: "blue," },
      nads: { blue: MACVLAN },
      kind: "network-not-found",
      says: "cannot find a network-attachment-definition () in namespace (shop)",
    },
    {
      why: "a NAD without a config that is not on disk either (T169)",
      annotations: { [NETWORKS]: "blue" },
      nads: { blue: "" },
      files: { [`${CONF_DIR}/10-a.conf`]: BRIDGE },
      kind: "network-not-found",
      says: `no network available in the name blue in cni dir ${CONF_DIR}`,
    },
    {
      why: "a bad file before the right one, which is named (T170)",
      annotations: { [NETWORKS]: "kindnet" },
      nads: { kindnet: "" },
      files: { [`${CONF_DIR}/10-a.conf`]: "{", [`${CONF_DIR}/20-b.conflist`]: KINDNET },
      kind: "decode-failure",
      says: "CNI config file 10-a.conf is not JSON",
    },
    {
      why: "a NAD whose plugins are an empty list (T173)",
      annotations: { [NETWORKS]: "blue" },
      nads: { blue: '{"plugins":[]}' },
      kind: "invalid-config",
      says: 'the config of network "shop/blue": plugins is empty',
    },
    {
      why: "with isolation, another namespace's, even before it is looked for (T147)",
      conf: `"delegates":[${BRIDGE}],"namespaceIsolation":true`,
      annotations: { [NETWORKS]: "kube-system/blue" },
      kind: "namespace-forbidden",
      says: "namespace isolation enabled, annotation violates permission, pod is in namespace shop but refers to target namespace kube-system",
    },
  ])("refused: $why", async ({ kind, says, ...given }) => {
    await expect(find(given)).rejects.toThrow(failed({ kind, message: expect.stringContaining(says) as string }));
  });
});

describe("a pod's own default network", () => {
  it.each<Given & { why: string; want: readonly string[] }>([
    {
      why: "takes the place of the inline one, and is looked for in multusNamespace (T166)",
      conf: `"delegates":[${BRIDGE},${KINDNET}]`,
      annotations: { [DEFAULT]: "own" },
      nads: { own: BRIDGE, "kube-system/own": MACVLAN },
      want: ["kube-system/own: own, macvlan", "kindnet: kindnet, ptp portmap"],
    },
    {
      why: "takes the place of clusterNetwork (T166)",
      conf: '"clusterNetwork":"one","defaultNetworks":["two"]',
      annotations: { [DEFAULT]: "kube-system/own", [NETWORKS]: "blue" },
      nads: {
        "kube-system/own": BRIDGE,
        "kube-system/one": MACVLAN,
        "kube-system/two": MACVLAN,
        blue: MACVLAN,
      },
      want: ["kube-system/own: pods, bridge", "kube-system/two: two, macvlan", "shop/blue: blue, macvlan"],
    },
    {
      why: "and the one that it replaces need not exist",
      conf: '"clusterNetwork":"/cni/missing.conf"',
      annotations: { [DEFAULT]: "own" },
      nads: { "kube-system/own": MACVLAN },
      want: ["kube-system/own: own, macvlan"],
    },
    {
      why: "with isolation may be multusNamespace's (T150)",
      conf: `"delegates":[${BRIDGE}],"namespaceIsolation":true,"multusNamespace":"net"`,
      annotations: { [DEFAULT]: "own" },
      nads: { "net/own": MACVLAN },
      want: ["net/own: own, macvlan"],
    },
  ])("$why", async ({ want, ...given }) => {
    expect(await found(given)).toEqual(want);
  });

  it.each<Given & { why: string; kind: string; says: string }>([
    {
      why: "an empty annotation (T167)",
      annotations: { [DEFAULT]: "" },
      kind: "invalid-config",
      says: "no default network is specified",
    },
    {
      why: "an empty list (T167)",
      annotations: { [DEFAULT]: "[]" },
      kind: "invalid-config",
      says: "no default network is specified",
    },
    {
      why: "two networks (T167)",
      annotations: { [DEFAULT]: "one,two" },
      kind: "invalid-config",
      says: "more than one default network is specified",
    },
    {
      why: "a NAD that is not there",
      annotations: { [DEFAULT]: "own" },
      kind: "network-not-found",
      says: "(own) in namespace (kube-system)",
    },
    {
      why: "with isolation, a third namespace's (T150)",
      conf: `"delegates":[${BRIDGE}],"namespaceIsolation":true`,
      annotations: { [DEFAULT]: "bank/own" },
      nads: { "bank/own": MACVLAN },
      kind: "namespace-forbidden",
      says: "pod is in namespace shop but refers to target namespace bank",
    },
  ])("refused: $why", async ({ kind, says, ...given }) => {
    await expect(find(given)).rejects.toThrow(failed({ kind, message: expect.stringContaining(says) as string }));
  });
});

describe("from the network config to the plugins", () => {
  const byPath = (more = ""): ReturnType<typeof netConf> =>
    netConf("", `,"clusterNetwork":"/cni/10-x.conflist"${more}`);
  const files = new Map([
    ["/cni/10-x.conflist", KINDNET],
    ["/cni/kindnet/10-sysctl.conf", TUNING],
    ["/cni/vendor/10-sysctl.conf", TUNING],
  ]);

  it("a conflist's chain is run and deleted with every key, though its files are gone (T082, T083, T175)", async () => {
    const there = new Map(files);
    const node = stage({ files: there });
    await node.add(addRequest({ netConf: byPath() }), node.scope());
    there.clear();
    await node.del(delRequest, node.scope());
    expect(node.said()).toEqual([
      ...["ADD eth0 ptp", "ADD eth0 portmap", "ADD eth0 tuning"],
      ...["DEL eth0 tuning", "DEL eth0 portmap", "DEL eth0 ptp"],
    ]);
    const given = node.runner.runs.slice(3).map(({ stdin }) => stdin.replace(/,"prevResult":.*/, ""));
    expect(given).toEqual([
      `${TUNING.slice(0, -1)},"name":"kindnet","cniVersion":"1.0.0"`,
      '{"type":"portmap","name":"kindnet","cniVersion":"1.0.0"',
      '{"type":"ptp","mtu":1.50,"name":"kindnet","cniVersion":"1.0.0"',
    ]);
  });

  it("an auxiliary chain is run last, as netN, on an empty result: passthru needs no executable (T176)", async () => {
    const node = stage({ files, annotation: "blue", nads: { blue: MACVLAN } });
    await node.add(addRequest({ netConf: byPath(',"auxiliaryCNIChainName":"vendor"') }), node.scope());
    expect(node.said().slice(3)).toEqual(["ADD net1 macvlan", "ADD net2 tuning"]);
    expect(stdinOf(node.runner.runs.at(-1))).toMatchObject({ name: "vendor", prevResult: { cniVersion: "1.0.0" } });
    await node.del(delRequest, node.scope());
    expect(node.said().slice(5, 7)).toEqual(["DEL net2 tuning", "DEL net1 macvlan"]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("a NAD's conflist lends its plugins the NAD's name, and no version where it has none (T172)", async () => {
    const node = stage({
      annotation: "blue",
      nads: { blue: '{"plugins":[{"type":"a"},{"type":"b","cniVersion":"0.4.0"}]}' },
    });
    await node.add(addRequest(), node.scope());
    expect(node.runner.runs.slice(1).map((run) => stdinOf(run))).toMatchObject([
      { name: "blue", cniVersion: "" },
      { name: "blue", cniVersion: "" },
    ]);
  });

  it("the pod's own default network is the primary one (T166, T168)", async () => {
    const annotations = { [DEFAULT]: '[{"name":"own","namespace":"shop","interface":"foo"}]' };
    const node = stage({ annotations, annotation: "blue", nads: { own: BRIDGE, blue: MACVLAN } });
    const answer = await node.add(addRequest(), node.scope());
    expect(node.said()).toEqual(["ADD foo bridge", "ADD net1 macvlan"]);
    expect(JSON.parse(answer)).toMatchObject({ interfaces: [{ name: "foo" }] });
    expect(JSON.parse(node.statusBoard.shown(sandbox) ?? "")).toMatchObject([{ default: true }, { interface: "net1" }]);
  });

  it("CHECK asks the plugins of a clusterNetwork too (T091)", async () => {
    const node = stage({ files });
    await node.add(addRequest({ netConf: byPath() }), node.scope());
    await node.check(delRequest, node.scope());
    expect(node.said().slice(3)).toEqual(["CHECK eth0 ptp", "CHECK eth0 portmap", "CHECK eth0 tuning"]);
  });

  it("STATUS and GC ask the clusterNetwork's plugins, and look for no other network (T180)", async () => {
    const modern = new Map([["/cni/10-x.conflist", KINDNET.replace("1.0.0", "1.1.0")]]);
    const node = stage({ files: modern });
    const conf = byPath(',"defaultNetworks":["missing"],"cni.dev/valid-attachments":[]');
    await node.status({ netConf: conf, searchPath: [] }, node.scope());
    await node.gc({ netConf: conf, searchPath: [] }, node.scope());
    expect(node.said()).toEqual(["STATUS  ptp", "STATUS  portmap", "GC  ptp", "GC  portmap"]);
  });
});

describe("whatever a pod's annotations and a NAD's config say", () => {
  const selection = fc.record(
    {
      name: fc.constantFrom("a", "b", "c"),
      namespace: fc.constantFrom("", "shop", "kube-system"),
      interface: fc.constantFrom("net1", "net7", "eth0", "a/b"),
      mac: fc.constantFrom("02:00:00:00:00:01", "x"),
      ips: fc.array(fc.constantFrom("10.0.0.1", "fd00::1/64", "x"), { maxLength: 2 }),
      "cni-args": fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 }),
      "default-route": fc.array(fc.constantFrom("10.0.0.1", "fd00::1"), { maxLength: 2 }),
    },
    { requiredKeys: ["name"] },
  );
  const selections = fc.array(selection, { maxLength: 3 }).map((list) => JSON.stringify(list));
  const annotation = fc.oneof(
    { weight: 6, arbitrary: selections },
    { weight: 2, arbitrary: fc.constantFrom("a", "a,b", "shop/a@x, b", "a,", "") },
    { weight: 1, arbitrary: spoilt(selections) },
    { weight: 1, arbitrary: fc.oneof(fc.string(), jsonValue) },
  );
  /** Keys that no conf of CNI gives a meaning, so that any value will do. */
  const vendorMembers = jsonObject.map(({ members }) => new Map(members.map(([key, text]) => [`vendor ${key}`, text])));
  const plugin = fc.tuple(fc.constantFrom("macvlan", "flannel"), vendorMembers).map(([type, members]) => ({
    members,
    text: `{"type":"${type}"${[...members].map(([key, text]) => `,${JSON.stringify(key)}:${text}`).join("")}}`,
  }));
  const single = plugin.map(({ members, text }) => ({ plugins: [members], text }));
  const list = fc.array(plugin, { minLength: 1, maxLength: 3 }).map((plugins) => ({
    plugins: plugins.map(({ members }) => members),
    text: `{ "plugins" : [ ${plugins.map(({ text }) => text).join(" , ")} ] }`,
  }));
  const good = fc.oneof(single, list);

  async function plan(given: {
    readonly annotations: Readonly<Record<string, string>>;
    readonly config: string;
  }): Promise<readonly PlannedAttachment[] | undefined> {
    const { annotations, config } = given;
    const nads = { a: config, b: config, "kube-system/a": config, "kube-system/b": config };
    try {
      const sources = await find({ annotations, nads });
      return planAttachments({
        dialect: npwg,
        netConf: netConf(BRIDGE),
        args: parseCniArgs(POD_ARGS),
        ifName: eth0,
        sources,
      });
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(PlexusError);
      expect(thrown).not.toMatchObject({ kind: "internal" });
      return undefined;
    }
  }

  it("the answer is a plan or a PlexusError", async () => {
    const config = fc.oneof(
      good.map(({ text }) => text),
      spoilt(good.map(({ text }) => text)),
      jsonValue,
    );
    const given = fc.record({
      annotations: fc.record({ [NETWORKS]: annotation, [DEFAULT]: annotation }, { requiredKeys: [] }),
      config,
    });
    await fc.assert(
      fc.asyncProperty(given, async (one) => {
        await plan(one);
      }),
      { numRuns: 1_000 },
    );
  });

  it("no key of a plugin's config is lost, and none is changed that is not ours", async () => {
    const asked = fc.subarray(["a", "b"], { minLength: 1 });
    const cniArgs = fc.constantFrom({}, { "cni-args": { x: 1 } });
    await fc.assert(
      fc.asyncProperty(asked, cniArgs, good, async (names, more, { plugins, text }) => {
        const annotations = { [NETWORKS]: JSON.stringify(names.map((name) => ({ name, ...more }))) };
        const planned = (await plan({ annotations, config: text })) ?? expect.fail("no plan");
        const told = planned
          .slice(1)
          .map(({ conflist }) =>
            conflist.plugins.map(
              ({ conf }) => new Map([...conf.entries()].filter(([key]) => key.startsWith("vendor "))),
            ),
          );
        expect(told).toEqual(names.map(() => plugins));
      }),
    );
  });
});

describe("with isolation, a NAD without a config names a conf on the node", () => {
  it.each<Given & { why: string; want: readonly string[] }>([
    {
      why: "from a global namespace",
      conf: `"delegates":[${BRIDGE}],"namespaceIsolation":true,"globalNamespaces":"ops"`,
      annotations: { [NETWORKS]: "ops/kindnet" },
      nads: { "ops/kindnet": "" },
      want: ["pods: pods, bridge", "ops/kindnet: kindnet, ptp portmap"],
    },
    {
      why: "from multusNamespace, as the pod's default network",
      conf: `"delegates":[${BRIDGE}],"namespaceIsolation":true`,
      annotations: { [DEFAULT]: "kindnet" },
      nads: { "kube-system/kindnet": "" },
      want: ["kube-system/kindnet: kindnet, ptp portmap"],
    },
  ])("$why", async ({ want, ...given }) => {
    expect(await found({ files: { [`${CONF_DIR}/20-b.conflist`]: KINDNET }, ...given })).toEqual(want);
  });
});

describe("limits on what a pod may ask for", () => {
  const many = (count: number, item: string): string => Array<string>(count).fill(item).join(",");

  it.each<Given & { why: string; kind?: string; says: string }>([
    {
      why: "100,000 networks, in the short form",
      annotations: { [NETWORKS]: many(100_000, "a") },
      says: "the pod asks for 100000 networks, more than 64",
    },
    {
      why: "5,000 networks, in the JSON form",
      annotations: { [NETWORKS]: `[${many(5_000, '{"name":"a"}')}]` },
      says: "the pod asks for 5000 networks, more than 64",
    },
    {
      why: "64 of its own, with the default network one too many",
      annotations: { [NETWORKS]: many(64, "blue") },
      nads: { blue: MACVLAN },
      says: "the pod asks for 65 networks, more than 64",
    },
    {
      why: "5,000 networks by TKE's rules",
      conf: '"dialect":"tke","defaultDelegates":"a"',
      annotations: { "tke.cloud.tencent.com/networks": many(5_000, "a") },
      says: "the pod asks for 5000 networks, more than 64",
    },
    {
      why: "24,000 cni-args",
      annotations: {
        [NETWORKS]: JSON.stringify([
          {
            name: "blue",
            "cni-args": Object.fromEntries(Array.from({ length: 24_000 }, (_, index) => [`k${index}`, index])),
          },
        ]),
      },
      nads: { blue: MACVLAN },
      says: "element 0 has 337808 bytes, more than 16384",
    },
    {
      why: "5,000 addresses",
      annotations: { [NETWORKS]: JSON.stringify([{ name: "blue", ips: Array<string>(5_000).fill("10.0.0.1") }]) },
      nads: { blue: MACVLAN },
      says: "element 0 has 55023 bytes, more than 16384",
    },
    {
      why: "5,000 gateways",
      annotations: {
        [NETWORKS]: JSON.stringify([{ name: "blue", "default-route": Array<string>(5_000).fill("10.0.0.1") }]),
      },
      nads: { blue: MACVLAN },
      says: "more than 16384",
    },
    ...["ips", "default-route"].map((list) => ({
      why: `65 items of ${list}`,
      annotations: { [NETWORKS]: JSON.stringify([{ name: "blue", [list]: Array<string>(65).fill("10.0.0.1") }]) },
      nads: { blue: MACVLAN },
      kind: "decode-failure",
      says: list,
    })),
    {
      why: "one large NAD many times",
      annotations: { [NETWORKS]: many(40, "blue") },
      nads: { blue: JSON.stringify({ type: "macvlan", padding: "x".repeat(60_000) }) },
      says: "bytes together, more than 1048576",
    },
    {
      why: "large cni-args for each of many plugins",
      annotations: {
        [NETWORKS]: JSON.stringify(Array(10).fill({ name: "blue", "cni-args": { key: "x".repeat(10_000) } })),
      },
      nads: { blue: JSON.stringify({ plugins: Array(30).fill({ type: "macvlan" }) }) },
      says: "bytes together, more than 1048576",
    },
    {
      why: "a NAD of 2,000 plugins",
      annotations: { [NETWORKS]: "blue" },
      nads: { blue: JSON.stringify({ plugins: Array(2_000).fill({ type: "macvlan" }) }) },
      says: 'network "shop/blue" has 2000 plugins, more than 32',
    },
    {
      why: "an annotation that nests 60,000 levels deep",
      annotations: { [NETWORKS]: `[{"name":"blue","cni-args":{"a":${"[".repeat(60_000)}${"]".repeat(60_000)}}}]` },
      says: "nests more than 100 levels deep",
    },
    {
      why: "a NAD that nests 30,000 levels deep",
      annotations: { [NETWORKS]: "blue" },
      nads: { blue: `{"type":"macvlan","a":${"[".repeat(30_000)}${"]".repeat(30_000)}}` },
      says: 'the config of network "shop/blue" nests more than 100 levels deep',
    },
    {
      why: "a plugin type that is longer than a file name",
      annotations: { [NETWORKS]: "blue" },
      nads: { blue: JSON.stringify({ type: "x".repeat(60_000) }) },
      says: "type has 60000 bytes, more than 255",
    },
    {
      why: "a network name that is longer than a file name",
      annotations: { [NETWORKS]: "blue" },
      nads: { blue: JSON.stringify({ type: "bridge", name: "x".repeat(300) }) },
      says: "invalid characters found in network name",
    },
    {
      why: "what the administrator has set lower",
      annotations: { [NETWORKS]: "blue,blue" },
      nads: { blue: MACVLAN },
      limits: { networksPerPod: 2 },
      says: "the pod asks for 3 networks, more than 2",
    },
  ])("refuses $why", async ({ kind = "invalid-config", says, ...given }) => {
    await expect(find(given)).rejects.toThrow(failed({ kind, message: expect.stringContaining(says) as string }));
  });

  it("lets 63 networks beside the default one pass", async () => {
    expect(await found({ annotations: { [NETWORKS]: many(63, "blue") }, nads: { blue: MACVLAN } })).toHaveLength(64);
  });
});

describe("the administrator's list of plugins", () => {
  const asks = { annotations: { [NETWORKS]: "blue" } };
  const ipam = (type: string): string => JSON.stringify({ type: "macvlan", ipam: { type } });

  it.each<Given & { why: string; says: string }>([
    {
      why: "a plugin that is on no list",
      nads: { blue: MACVLAN },
      limits: { allowedPlugins: { "*": ["bridge"] } },
      says: 'network "shop/blue" names the plugin "macvlan", and NADs of namespace shop may not',
    },
    {
      why: "a plugin that only another namespace may use",
      nads: { blue: MACVLAN },
      limits: { allowedPlugins: { ops: ["macvlan"], shop: [] } },
      says: 'names the plugin "macvlan"',
    },
    {
      why: "an IPAM plugin that is not on the list",
      nads: { blue: ipam("evil") },
      limits: { allowedPlugins: { "*": ["macvlan", "host-local"] } },
      says: 'names the plugin "evil"',
    },
    {
      why: "a plugin that another one is to start, by a key in capitals",
      nads: { blue: '{"type":"flannel","delegate":{"IPAM":[{"TYPE":"evil"}]}}' },
      limits: { allowedPlugins: { "*": ["flannel"] } },
      says: 'names the plugin "evil"',
    },
    {
      why: "a plugin named like a member of every object",
      nads: { blue: MACVLAN },
      podNamespace: "shop",
      limits: { allowedPlugins: JSON.parse('{"__proto__":["macvlan"]}') as Record<string, string[]> },
      says: 'names the plugin "macvlan"',
    },
  ])("refuses $why", async ({ says, ...given }) => {
    const message = expect.stringContaining(says) as string;
    await expect(find({ ...asks, ...given })).rejects.toThrow(failed({ kind: "namespace-forbidden", message }));
  });

  it("lets pass what it names, and what the administrator put on the node", async () => {
    const given = { ...asks, nads: { blue: ipam("host-local") } };
    const limits = { allowedPlugins: { shop: ["macvlan", "host-local"] } };
    expect(await found({ ...given, limits })).toEqual(["pods: pods, bridge", "shop/blue: blue, macvlan"]);
  });
});
