import { describe, expect, it } from "vitest";
import { parseCniArgs } from "../../daemon/domain/cni/args.ts";
import type { DelHints } from "../../daemon/ports/journal.ts";
import { recordFromMultus } from "../../daemon/migration/record-from-multus.ts";
import { parseNetConf } from "../../daemon/domain/netconf.ts";
import { ifName, plain, sandboxId } from "../contracts/journal.samples.ts";
import { refusalOf } from "../domain/refusal.ts";
import * as samples from "./samples.ts";

const { CID, CALICO, MACVLAN, RESULT, calicoEntry, macvlanEntry, cached, filesOf } = samples;
const sandbox = sandboxId(CID);
const BIN = ["/opt/cni/bin"];

/** A DEL as a runtime gives it to us. */
const asked = (netConf = '{"name":"plexus","cniVersion":"0.4.0"}'): DelHints => ({
  ifName: ifName("ens5"),
  netns: "/run/netns/from-del",
  origin: {
    args: parseCniArgs(`IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=of-del`),
    searchPath: ["/custom/bin"],
    netConf: parseNetConf(netConf),
  },
});
const record = (scratch: unknown, results: Parameters<typeof filesOf>[1] = [], del?: DelHints) =>
  plain(recordFromMultus(sandbox, filesOf(scratch, results), BIN, del));

const HERS = "IgnoreUnknown=true;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=";

describe("a sandbox that Multus attached", () => {
  it("is a record like ours, as libcni's cache tells it", () => {
    const results = [
      cached("k8s-pod-network", "ens3", CALICO, { capabilityArgs: { portMappings: [{ hostPort: 80 }] } }),
      cached("blue", "net1", MACVLAN),
    ];
    expect(record([calicoEntry, macvlanEntry], results)).toEqual({
      sandbox: CID,
      dialect: "npwg",
      pod: { namespace: "shop", name: "web", uid: "uid-1" },
      netns: "/run/netns/pod",
      searchPath: BIN,
      netnsOverride: "",
      createdAt: 1_700_000_000_000,
      attachments: [
        {
          owner: "ens3",
          confName: "multus-cni-network",
          ifName: "ens3",
          network: "k8s-pod-network",
          primary: true,
          since: 1_700_000_000_000,
          state: "attached",
          conflist: CALICO,
          capabilityArgs: '{"portMappings":[{"hostPort":80}]}',
          cniArgs: `${HERS}${CID};K8S_POD_UID=uid-1`,
          result: RESULT,
        },
        {
          owner: "ens3",
          confName: "multus-cni-network",
          ifName: "net1",
          network: "shop/blue",
          primary: false,
          since: 1_700_000_000_000,
          state: "attached",
          conflist: MACVLAN,
          capabilityArgs: "{}",
          cniArgs: `${HERS}${CID};K8S_POD_UID=uid-1`,
          result: RESULT,
        },
      ],
    });
  });

  it("is not what Multus noted of Plexus, as its default network", () => {
    const ourselves = {
      ...calicoEntry,
      Conf: { name: "k8s-pod-network", type: "plexus" },
      Bytes: btoa('{"name":"k8s-pod-network","type":"plexus"}'),
    };
    expect(record([ourselves])).toBeUndefined();
    expect(record([ourselves, macvlanEntry])?.attachments).toMatchObject([{ ifName: "net1", network: "shop/blue" }]);
  });

  it("takes from the DEL what was noted nowhere", () => {
    const conf = '{"name":"plexus","cniVersion":"0.4.0","runtimeConfig":{"bandwidth":{"ingressRate":1}}}';
    expect(record([calicoEntry], [], asked(conf))).toMatchObject({
      pod: { namespace: "shop", name: "web", uid: "of-del" },
      netns: "/run/netns/from-del",
      searchPath: ["/custom/bin"],
      attachments: [
        {
          owner: "ens5",
          confName: "plexus",
          ifName: "ens5",
          capabilityArgs: '{"bandwidth":{"ingressRate":1}}',
          cniArgs: `${HERS};K8S_POD_UID=of-del`,
          result: undefined,
        },
      ],
    });
  });

  it("without results or a DEL is what its notes say, on eth0 and in no known namespace", () => {
    expect(record([calicoEntry, macvlanEntry])).toMatchObject({
      pod: undefined,
      netns: "/dev/null",
      attachments: [
        { owner: "eth0", ifName: "eth0", cniArgs: "", capabilityArgs: "{}" },
        { owner: "eth0", ifName: "net1" },
      ],
    });
  });

  it("has its interfaces named as Multus names them: as asked for, the first as CNI_IFNAME says, others by their place", () => {
    const entries = [calicoEntry, macvlanEntry, { ...macvlanEntry, ifnameRequest: "lan" }, null, macvlanEntry];
    expect(record(entries, [], asked())?.attachments.map((one) => one.ifName)).toEqual(["ens5", "net1", "lan", "net4"]);
  });

  it("whose network is attached twice tells its first interface from the other", () => {
    const results = [cached("blue", "net1", MACVLAN), cached("blue", "ens3", MACVLAN)];
    const names = record([macvlanEntry, macvlanEntry], results)?.attachments.map((one) => one.ifName);
    expect(names).toEqual(["ens3", "net1"]);
  });

  describe("with lists that have no version", () => {
    const list = '{"name":"blue","plugins":[{"type":"macvlan","mtu":12345678901234567890}]}';
    const single = '{"name":"blue","type":"macvlan"}';
    const entryOf = (conf: string) => ({ ...macvlanEntry, Bytes: samples.base64(conf) });
    const bare = '{"ip4":{"ip":"192.168.7.9/24"},"dns":{}}';
    const results = [{ name: `blue-${CID}-ens5`, text: bare }];

    it("is deleted in the network config's, every other key as it was (T084)", () => {
      const [attachment] = record([entryOf(list)], results, asked())?.attachments ?? [];
      expect(attachment?.conflist).toBe(
        '{"name":"blue","plugins":[{"type":"macvlan","mtu":12345678901234567890}],"cniVersion":"0.4.0"}',
      );
      expect(JSON.parse(attachment?.result ?? "")).toMatchObject({
        cniVersion: "0.4.0",
        ips: [{ version: "4" }],
      });
    });

    it.each([
      { why: "a single conf", conf: single, netConf: '{"name":"plexus","cniVersion":"0.4.0"}' },
      { why: "a network config that has none either", conf: list, netConf: '{"name":"plexus"}' },
    ])("$why leaves it so", ({ conf, netConf }) => {
      expect(record([entryOf(conf)], [], asked(netConf))?.attachments).toMatchObject([{ conflist: conf }]);
    });
  });

  it.each([
    { why: "torn", text: "{" },
    { why: "of a version that nobody speaks", text: '{"cniVersion":"9.0.0"}' },
  ])("whose cached result is $why has none, and is deleted all the same", ({ text }) => {
    const found = record([calicoEntry], [{ name: `k8s-pod-network-${CID}-ens5`, text }], asked());
    expect(found?.attachments).toMatchObject([{ conflist: CALICO, result: undefined }]);
  });
});

describe("a sandbox whose notes say nothing", () => {
  const results = [cached("k8s-pod-network", "eth0", CALICO), cached("blue", "lan", MACVLAN)];

  it.each([
    { why: "are empty after a power cut (T073)", scratch: "" },
    { why: "are torn (T073)", scratch: JSON.stringify([calicoEntry]).slice(0, 300) },
    { why: "are an empty list (T074)", scratch: "[]" },
    { why: "are null (T074)", scratch: "null" },
  ])("because they $why is known from what libcni cached", ({ scratch }) => {
    expect(record(scratch, results)).toMatchObject({
      pod: { name: "web" },
      attachments: [
        { owner: "eth0", ifName: "eth0", primary: true, conflist: CALICO, result: RESULT },
        { owner: "eth0", ifName: "lan", primary: false, conflist: MACVLAN, network: "blue" },
      ],
    });
  });

  it.each([
    { why: "there is nothing else", others: [] },
    { why: "one cached result is torn, too", others: [...results, { name: `red-${CID}-net2`, text: "" }] },
    { why: "cached results are of an old libcni, without confs", others: [{ name: `red-${CID}-net2`, text: RESULT }] },
  ])("and $why is damaged, for it is not known what stands", ({ others }) => {
    expect(refusalOf(() => record("", others))).toMatchObject({
      kind: "decode-failure",
      message: expect.stringContaining(`/var/lib/cni/multus/${CID}`) as string,
    });
  });

  it.each(["[]", "null", "[null]"])("and that is %s was attached to nothing (T074)", (scratch) => {
    expect(record(scratch)).toBeUndefined();
  });
});

describe("a sandbox that TKE's fork attached", () => {
  const bridge = '{"name":"tke-bridge","type":"tke-bridge","cniVersion":"0.3.1"}';

  it("has the interfaces that it noted, and its first one wherever it is in the list (T44)", () => {
    const entries = [
      // The fork marks the first of the list, too.
      samples.tkeEntry(MACVLAN, "eth1", { masterPlugin: true }),
      samples.tkeEntry(bridge, "eth0", { masterPlugin: true }),
      samples.tkeEntry(CALICO, "north"),
    ];
    expect(record(entries)?.attachments).toMatchObject([
      { owner: "eth0", ifName: "eth1", primary: false, conflist: MACVLAN },
      { owner: "eth0", ifName: "eth0", primary: true, conflist: bridge, network: "tke-bridge" },
      { owner: "eth0", ifName: "north", primary: false, conflist: CALICO },
    ]);
  });

  it("of which a DEL left a part keeps that one's interface", () => {
    const [attachment] = record([samples.tkeEntry(MACVLAN, "eth1")], [], asked())?.attachments ?? [];
    expect(attachment).toMatchObject({ owner: "ens5", ifName: "eth1" });
  });
});
