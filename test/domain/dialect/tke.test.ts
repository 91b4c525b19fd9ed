import { describe, expect, it } from "vitest";
import { parseCniArgs } from "../../../daemon/domain/cni/args.ts";
import { parseConflist } from "../../../daemon/domain/cni/conf.ts";
import type { DelegateSource, DelegateSources } from "../../../daemon/domain/delegate-source.ts";
import { dialectFor } from "../../../daemon/domain/dialect/dialects.ts";
import { tke } from "../../../daemon/domain/dialect/tke.ts";
import { parseTkeSelections } from "../../../daemon/domain/dialect/tke-selection.ts";
import { type IfName, isIfName, namespace, podName } from "../../../daemon/domain/ids.ts";
import { parseNetConf } from "../../../daemon/domain/netconf.ts";
import { planAttachments } from "../../../daemon/domain/plan.ts";
import { KEPT_POD_ANNOTATIONS } from "../../../daemon/domain/pod.ts";
import { recordedNetworkStatus } from "../../../daemon/domain/recorded-network-status.ts";
import { attachment, recordOf, sandboxId } from "../../contracts/journal.samples.ts";
import { refusalOf } from "../refusal.ts";

const fork = tke({ strictCompat: false, namesKubeconfig: true });
const strict = tke({ strictCompat: true, namesKubeconfig: true });
const KEY = "tke.cloud.tencent.com/networks";

const ifName = (text: string): IfName => (isIfName(text) ? text : expect.fail(text));

function sourcesFor(annotation: string): DelegateSources {
  const [first, ...more] = parseTkeSelections(annotation, "the annotation", false).map(
    ({ name, ...selection }): DelegateSource => ({
      network: name,
      conflist: parseConflist(JSON.stringify({ name, type: "bridge" }), name),
      selection,
    }),
  );
  return first === undefined ? expect.fail("no network") : [first, ...more];
}

const plan = (annotation: string, { first = "eth0", conf = "" } = {}) =>
  planAttachments({
    dialect: fork,
    netConf: parseNetConf(`{"name":"multus-cni"${conf}}`),
    args: parseCniArgs(
      "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=uid-1;MORE=x",
    ),
    ifName: ifName(first),
    sources: sourcesFor(annotation),
  });

describe("the interfaces", () => {
  it.each([
    { why: "one network is eth0 (T1)", text: "tke-bridge", want: "tke-bridge=eth0*" },
    { why: "the next one eth1 (T2)", text: "tke-bridge,tke-route", want: "tke-bridge=eth0* tke-route=eth1" },
    {
      why: "one that asks for a name has it (T3)",
      text: "tke-bridge,tke-eni-cni@net0",
      want: "tke-bridge=eth0* tke-eni-cni=net0",
    },
    {
      why: "in either form (T4)",
      text: '[{"name":"a"},{"name":"b"},{"name":"c","interfaceRequest":"north"}]',
      want: "a=eth0* b=eth1 c=north",
    },
    { why: "in the order of the list (T9)", text: "a,b,c", want: "a=eth0* b=eth1 c=eth2" },
    { why: "counted on from the highest number asked for (T11)", text: "a@eth3,b,c", want: "a=eth3 b=eth0* c=eth4" },
    { why: "whatever stands before the number (T12)", text: "a@net5,b,c", want: "a=net5 b=eth0* c=eth6" },
    { why: "eth0 is whose who asks for it (T13)", text: "a,b@eth0", want: "a=eth1 b=eth0*" },
    { why: "two characters have no number, and crash nobody (T16)", text: "a@x1,b,c", want: "a=x1 b=eth0* c=eth1" },
    {
      why: "a name without a number does not count",
      text: "a@north,b,c@eth2x,d",
      want: "a=north b=eth0* c=eth2x d=eth1",
    },
  ])("$why", ({ text, want }) => {
    const planned = plan(text).map(({ network, ifName, primary }) => `${network}=${ifName}${primary ? "*" : ""}`);
    expect(planned.join(" ")).toBe(want);
  });

  it("CNI_IFNAME counts for its number, whatever it is called (T41)", () => {
    expect(plan("a,b", { first: "ens0" }).map((one) => one.ifName)).toEqual(["ens0", "eth1"]);
    expect(plan("a,b", { first: "ens3" }).map((one) => one.ifName)).toEqual(["ens3", "eth4"]);
  });

  it.each([
    { why: "nobody can be eth0 (T14)", text: "a@north", kind: "invalid-config", says: "no network for interface eth0" },
    {
      why: "two ask for the same (T15)",
      text: "a@eth1,b@eth1",
      kind: "interface-conflict",
      says: "both ask for interface eth1",
    },
    { why: "two ask for eth0", text: "a@eth0,b@eth0", kind: "interface-conflict", says: "both ask for interface eth0" },
    {
      why: "there is no room for one more number",
      text: "a@eth999999999999,b,c",
      kind: "invalid-config",
      says: "too long",
    },
  ])("are refused where $why", ({ text, kind, says }) => {
    expect(refusalOf(() => plan(text))).toMatchObject({ kind, message: expect.stringContaining(says) as string });
  });
});

describe("what networks are told", () => {
  it("is the whole runtimeConfig, each of them (T29)", () => {
    const runtimeConfig = '{"portMappings":[{"hostPort":80}],"mac":"m","vendor":1}';
    const planned = plan("a,b", { conf: `,"runtimeConfig":${runtimeConfig}` });
    expect(planned.map(({ capabilityArgs }) => capabilityArgs.toString())).toEqual([runtimeConfig, runtimeConfig]);
  });

  it("is four CNI_ARGS, on every verb", () => {
    const four = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=abc";
    expect(plan("a")).toMatchObject([{ cniArgs: four, addCniArgs: four }]);
  });
});

describe("the network status", () => {
  const attached = (name: string, of: string, primary: boolean, result: object) =>
    attachment({
      ifName: ifName(of),
      network: name,
      primary,
      conflist: JSON.stringify({ cniVersion: "0.3.1", name, plugins: [{ type: "bridge" }] }),
      result: JSON.stringify({ cniVersion: "0.3.1", ...result }),
    });
  const link = (name: string) => ({ name, mac: `02:00:00:00:00:0${name.at(-1)}`, sandbox: "/run/netns/pod" });
  const attachments = [
    attached("tke-route", "eth1", false, {}),
    attached("tke-bridge", "eth0", true, {
      interfaces: [{ name: "cni0" }, link("eth9"), link("eth0")],
      ips: [
        { version: "4", address: "10.0.0.5/24", gateway: "10.0.0.1", interface: 2 },
        { version: "6", address: "fd00::5/64" },
      ],
      routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1" }],
      dns: { nameservers: ["10.96.0.10"] },
    }),
  ];
  const record = { ...recordOf(sandboxId("abc"), { attachments }), dialect: "tke" as const };

  it("has one entry for each network: name of the conflist, last interface, bare addresses, and no more (T37)", () => {
    expect(recordedNetworkStatus(record)).toBe(`[{
    "name": "tke-route",
    "dns": {}
},{
    "name": "tke-bridge",
    "interface": "eth0",
    "ips": [
        "10.0.0.5",
        "fd00::5"
    ],
    "mac": "02:00:00:00:00:00",
    "default": true,
    "dns": {
        "nameservers": [
            "10.96.0.10"
        ]
    }
}]`);
  });

  it("calls the first of the list default too, with strictCompat (T13)", () => {
    expect(JSON.parse(recordedNetworkStatus(record, strict))).toMatchObject([{ default: true }, { default: true }]);
  });

  it("stands in the fork's own annotation, and may fail", () => {
    expect(fork.status).toMatchObject({ annotation: "tke.cloud.tencent.com/networks-status", writing: "best-effort" });
  });

  it.each([
    { why: "is shown without a kubeconfig in the network config", conf: "", want: "best-effort" },
    { why: "with strictCompat it is not (T38)", conf: ',"strictCompat":true', want: "none" },
    { why: "but with one it is", conf: ',"strictCompat":true,"kubeconfig":"/k"', want: "best-effort" },
  ])("$why", ({ conf, want }) => {
    const netConf = parseNetConf(`{"name":"n","dialect":"tke"${conf}}`);
    expect(dialectFor(netConf, undefined).status.writing).toBe(want);
  });
});

it("the pod's annotation is kept wherever pods come from", () => {
  expect(KEPT_POD_ANNOTATIONS).toContain(KEY);
});

describe("whose rules a pod follows", () => {
  const BRIDGE = '"delegates":[{"name":"b","type":"bridge"}]';
  const DEFAULTS = '"defaultDelegates":"tke-bridge"';
  const pod = (annotations: Readonly<Record<string, string>>) => ({
    namespace: namespace("shop"),
    name: podName("web"),
    uid: "",
    annotations,
  });
  const [plain, annotated] = [pod({}), pod({ [KEY]: "a" })];

  it.each([
    { why: "Multus', unless anything is said", conf: BRIDGE, want: ["npwg", "npwg", "npwg"] },
    {
      why: "the fork's, where the config is one that only the fork can use",
      conf: DEFAULTS,
      want: ["tke", "tke", "tke"],
    },
    { why: "Multus', where both can", conf: `${DEFAULTS},"clusterNetwork":"b"`, want: ["npwg", "npwg", "npwg"] },
    { why: "with auto, as its annotation says", conf: `"dialect":"auto",${BRIDGE}`, want: ["npwg", "tke", "npwg"] },
    {
      why: "with auto, the config's where it has no annotation",
      conf: `"Dialect":"auto",${DEFAULTS}`,
      want: ["tke", "tke", "tke"],
    },
    { why: "the fork's, when told so", conf: `"dialect":"tke",${BRIDGE}`, want: ["tke", "tke", "tke"] },
    { why: "Multus', when told so", conf: `"dialect":"npwg",${DEFAULTS}`, want: ["npwg", "npwg", "npwg"] },
  ])("$why", ({ conf, want }) => {
    const netConf = parseNetConf(`{"name":"n",${conf}}`);
    expect([plain, annotated, undefined].map((one) => dialectFor(netConf, one).name)).toEqual(want);
  });
});
