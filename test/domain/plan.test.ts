import { describe, expect, it } from "vitest";
import { parseCniArgs } from "../../daemon/domain/cni/args.ts";
import { parseConflist } from "../../daemon/domain/cni/conf.ts";
import type { DelegateSource } from "../../daemon/domain/delegate-source.ts";
import { npwg } from "../../daemon/domain/dialect/npwg.ts";
import { type IfName, isIfName, namespace } from "../../daemon/domain/ids.ts";
import { parseNetConf } from "../../daemon/domain/netconf.ts";
import { type PlannedAttachment, planAttachments } from "../../daemon/domain/plan.ts";
import { parseSelections } from "../../daemon/domain/selection.ts";

const ifName = (text: string): IfName => (isIfName(text) ? text : expect.fail(text));

const BRIDGE = '{"name":"pods","type":"bridge"}';
const POD_ARGS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=abc;FOO=bar";
const PROMISED =
  "IgnoreUnknown=true;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=";

/** Every NAD there is has the same config, so that what differs is what the row asks for. */
function plan(given: {
  readonly delegates?: readonly [string, ...string[]];
  readonly runtimeConfig?: string;
  readonly more?: string;
  readonly defaultNetwork?: string;
  readonly annotation?: string;
  readonly config?: string;
  readonly deviceId?: string;
}): readonly PlannedAttachment[] {
  const { delegates = [BRIDGE], runtimeConfig = "{}", more = "", annotation, config = '{"type":"macvlan"}' } = given;
  const asked = (text: string | undefined): DelegateSource[] =>
    parseSelections(text, namespace("shop")).map((selection) => ({
      network: `${selection.namespace}/${selection.name}`,
      conflist: parseConflist(config, "the config", selection.name),
      selection,
      deviceId: given.deviceId,
    }));
  const cluster = delegates.map((text): DelegateSource => {
    const conflist = parseConflist(text, "a delegate");
    return { network: conflist.name, conflist };
  });
  const [first = expect.fail("no default network"), ...others] = [...asked(given.defaultNetwork), ...cluster];
  return planAttachments({
    dialect: npwg,
    netConf: parseNetConf(`{"name":"plexus","cniVersion":"1.0.0","runtimeConfig":${runtimeConfig}${more}}`),
    args: parseCniArgs(POD_ARGS),
    ifName: ifName("eth0"),
    sources: [first, ...others, ...asked(annotation)],
  });
}

describe("which interfaces a sandbox gets", () => {
  it.each([
    { why: "nothing asked for: the default network only", annotation: undefined, want: [["eth0", "pods"]] },
    {
      why: "others follow as net1, net2 (T028)",
      annotation: "blue,infra/red",
      want: [
        ["eth0", "pods"],
        ["net1", "shop/blue"],
        ["net2", "infra/red"],
      ],
    },
    {
      why: "inline delegates count too (T030)",
      delegates: [BRIDGE, '{"name":"more","type":"bridge"}'] as const,
      annotation: "blue",
      want: [
        ["eth0", "pods"],
        ["net1", "more"],
        ["net2", "shop/blue"],
      ],
    },
    {
      why: "a name of one's own does not stop the count (T031)",
      annotation: '[{"name":"n1","interface":"data0"},{"name":"n2"}]',
      want: [
        ["eth0", "pods"],
        ["data0", "shop/n1"],
        ["net2", "shop/n2"],
      ],
    },
    {
      why: "one network may come twice",
      annotation: "blue,blue",
      want: [
        ["eth0", "pods"],
        ["net1", "shop/blue"],
        ["net2", "shop/blue"],
      ],
    },
  ])("$why", ({ delegates, annotation, want }) => {
    const planned = plan({
      ...(delegates !== undefined && { delegates }),
      ...(annotation !== undefined && { annotation }),
    });
    expect(planned.map(({ ifName, network }) => [ifName, network])).toEqual(want);
  });

  it("makes the first the primary, and no other", () => {
    expect(plan({ annotation: "blue,red" }).map(({ primary }) => primary)).toEqual([true, false, false]);
  });

  it.each([
    { why: "two networks want one interface", given: { annotation: "a@x,b@x" }, code: 103 },
    { why: "a network wants the primary's interface", given: { annotation: "a@eth0" }, code: 103 },
    { why: "a name meets a counted one", given: { annotation: "a@net2,b" }, code: 103 },
    {
      why: "cni-args over an args that is no object",
      given: { annotation: '[{"name":"a","cni-args":{"x":1}}]', config: '{"type":"t","args":1}' },
      code: 6,
    },
  ])("refuses: $why", ({ given, code }) => {
    expect(() => plan(given)).toThrow(expect.objectContaining({ code }) as Error);
  });
});

describe("what each attachment is told", () => {
  it.each([
    {
      why: "the runtime's port mappings and bandwidth are the primary's alone, the rest is for all",
      given: {
        runtimeConfig: '{"portMappings":[{"hostPort":80}],"bandwidth":{"ingressRate":1},"dns":{"a":1}}',
        annotation: "blue",
      },
      want: ['{"portMappings":[{"hostPort":80}],"bandwidth":{"ingressRate":1},"dns":{"a":1}}', '{"dns":{"a":1}}'],
    },
    {
      why: "with inheritRuntimeConfig others get the port mappings and bandwidth too, as Multus has it (T197)",
      given: {
        runtimeConfig: '{"portMappings":[{"hostPort":80}],"mac":"m"}',
        more: ',"inheritRuntimeConfig":true',
        annotation: "blue",
      },
      want: ['{"portMappings":[{"hostPort":80}],"mac":"m"}', '{"portMappings":[{"hostPort":80}]}'],
    },
    {
      why: "strictCompat says the same",
      given: { runtimeConfig: '{"bandwidth":{}}', more: ',"strictCompat":true', annotation: "blue" },
      want: ['{"bandwidth":{}}', '{"bandwidth":{}}'],
    },
    {
      why: "a request over what is inherited wins (T194)",
      given: {
        runtimeConfig: '{"bandwidth":{"ingressRate":1}}',
        more: ',"inheritRuntimeConfig":true',
        annotation: '[{"name":"blue","bandwidth":{"ingressRate":2,"ingressBurst":3,"egressRate":4,"egressBurst":5}}]',
      },
      want: [
        '{"bandwidth":{"ingressRate":1}}',
        '{"bandwidth":{"ingressRate":2,"ingressBurst":3,"egressRate":4,"egressBurst":5}}',
      ],
    },
    {
      why: "the pod's own default network keeps to what the runtime says (T193)",
      given: { runtimeConfig: '{"mac":"m"}', defaultNetwork: '[{"name":"own","mac":"02:00:00:00:00:01"}]' },
      want: ['{"mac":"m"}', "{}"],
    },
    {
      why: "a selection's own requests become capability args (T192)",
      given: {
        annotation:
          '[{"name":"a","ips":["10.0.0.5/24"],"mac":"02:00:00:00:00:01","portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}],"deviceID":"0000:01:00.0"}]',
      },
      want: [
        "{}",
        '{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}],"ips":["10.0.0.5/24"],"mac":"02:00:00:00:00:01","deviceID":"0000:01:00.0"}',
      ],
    },
  ])("$why", ({ given, want }) => {
    expect(plan(given).map(({ capabilityArgs }) => capabilityArgs.toString())).toEqual(want);
  });

  it("asks for MAC and addresses in CNI_ARGS too, but only on ADD (T202)", () => {
    const [primary, blue] = plan({
      annotation: '[{"name":"a","ips":["10.0.0.5","10.0.0.6"],"mac":"02:00:00:00:00:01"}]',
    });
    expect(primary).toMatchObject({ cniArgs: `${PROMISED};FOO=bar`, addCniArgs: `${PROMISED};FOO=bar` });
    expect(blue).toMatchObject({
      cniArgs: `${PROMISED};FOO=bar`,
      addCniArgs: `${PROMISED};FOO=bar;MAC=02:00:00:00:00:01;IP=10.0.0.5,10.0.0.6`,
    });
  });

  it.each([
    { why: "a single conf", config: '{"type":"macvlan","capabilities":{"ips":true}}' },
    {
      why: "the second plugin of a list",
      config: '{"plugins":[{"type":"bridge"},{"type":"x","capabilities":{"ips":true}}]}',
    },
  ])("leaves addresses out of CNI_ARGS where a plugin takes them as a capability: $why (issue 11)", ({ config }) => {
    const annotation = '[{"name":"a","ips":["10.61.0.9/24","fd61::9/64"],"mac":"02:00:00:00:00:01"}]';
    const [, blue] = plan({ annotation, config });
    expect(blue?.addCniArgs).toBe(`${PROMISED};FOO=bar;MAC=02:00:00:00:00:01`);
    expect(blue?.capabilityArgs.toString()).toContain('"ips":["10.61.0.9/24","fd61::9/64"]');
  });

  it("lets the pod's own default network name its interface and ask for a MAC in CNI_ARGS (T168)", () => {
    const [primary] = plan({ defaultNetwork: '[{"name":"own","interface":"foo","mac":"02:00:00:00:00:01"}]' });
    expect(primary).toMatchObject({
      ifName: "foo",
      primary: true,
      addCniArgs: `${PROMISED};FOO=bar;MAC=02:00:00:00:00:01`,
    });
  });

  it.each([
    {
      why: "of a single conf, over what it says",
      config: '{"type":"sriov","name":"n","deviceID":"old"}',
      want: ['{"type":"sriov","name":"n","deviceID":"0000:01:00.0","pciBusID":"0000:01:00.0"}'],
    },
    {
      why: "of every plugin of a list",
      config: '{"name":"n","plugins":[{"type":"sriov"},{"type":"tuning"}]}',
      want: [
        '{"type":"sriov","deviceID":"0000:01:00.0","pciBusID":"0000:01:00.0"}',
        '{"type":"tuning","deviceID":"0000:01:00.0","pciBusID":"0000:01:00.0"}',
      ],
    },
  ])(
    "a device set apart for the network is in the conf $why, and wins over the one asked for (T190)",
    ({ config, want }) => {
      const [, sriov] = plan({
        annotation: '[{"name":"n","deviceID":"0000:ff:00.0"}]',
        config,
        deviceId: "0000:01:00.0",
      });
      expect(sriov?.conflist.plugins.map(({ conf }) => conf.toString())).toEqual(want);
      expect(sriov?.capabilityArgs.toString()).toBe('{"deviceID":"0000:01:00.0"}');
    },
  );

  it.each([
    {
      why: "the first flannel network keeps its directory",
      annotation: "blue",
      delegates: [BRIDGE] as const,
      want: [undefined, undefined],
    },
    {
      why: "each further one gets one of its own, below the one it names",
      annotation: "blue,red",
      delegates: ['{"name":"cbr0","type":"flannel"}'] as const,
      want: [undefined, "/data/net1", "/data/net2"],
    },
  ])("flannel: $why", ({ annotation, delegates, want }) => {
    const planned = plan({ annotation, delegates, config: '{"type":"flannel","dataDir":"/data"}' });
    const dirs = planned.map(({ conflist }) => conflist.plugins[0]?.conf.get("dataDir"));
    expect(dirs.map((dir) => (dir === "/data" ? undefined : dir))).toEqual(want);
  });

  it.each([
    {
      why: "cni-args make args.cni (T191)",
      config: '{"type":"t","name":"n"}',
      want: ['{"type":"t","name":"n","args":{"cni":{"ips":["x"]}}}'],
    },
    {
      why: "cni-args win over the conf's own and leave the others (T191)",
      config: '{"type":"t","name":"n","args":{"other":1,"cni":{"ips":[],"keep":2}}}',
      want: ['{"type":"t","name":"n","args":{"other":1,"cni":{"ips":["x"],"keep":2}}}'],
    },
    {
      why: "cni-args reach every plugin of a list (T191)",
      config: '{"name":"n","plugins":[{"type":"t"},{"type":"u","args":{}}]}',
      want: ['{"type":"t","args":{"cni":{"ips":["x"]}}}', '{"type":"u","args":{"cni":{"ips":["x"]}}}'],
    },
  ])("$why", ({ config, want }) => {
    const [, blue] = plan({ annotation: '[{"name":"a","cni-args":{"ips":["x"]}}]', config });
    expect(blue?.conflist.plugins.map(({ conf }) => conf.toString())).toEqual(want);
  });
});
