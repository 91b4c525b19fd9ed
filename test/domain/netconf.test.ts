import { describe, expect, it } from "vitest";
import { JsonObject } from "../../daemon/domain/json/json-object.ts";
import { parseNetConf } from "../../daemon/domain/netconf.ts";

const conf = (members: string): string =>
  `{"name":"plexus","cniVersion":"1.0.0"${members === "" ? "" : `,${members}`}}`;

describe("parseNetConf", () => {
  it("keeps each inline delegate as it was written", () => {
    const { networks } = parseNetConf(conf('"delegates":[{"type":"a","mtu":0}, {"plugins":[ ]}]'));
    expect(networks).toEqual({ given: "inline", delegates: ['{"type":"a","mtu":0}', '{"plugins":[ ]}'] });
  });

  it.each([
    {
      why: "nothing given",
      members: "",
      want: {
        networks: { given: "inline", delegates: [] },
        binDir: undefined,
        dialect: "npwg",
        podsChooseDialect: false,
        defaultDelegates: undefined,
        confDir: undefined,
        strictCompat: false,
        multusNamespace: "kube-system",
        systemNamespaces: ["kube-system"],
        isolation: undefined,
        auxiliaryChain: undefined,
        readinessIndicatorFile: undefined,
        inheritRuntimeConfig: false,
        validAttachments: undefined,
      },
    },
    { why: "the name we are called by", members: '"type":"plexus"', want: { type: "plexus" } },
    { why: "delegates are null", members: '"delegates":null', want: { networks: { given: "inline", delegates: [] } } },
    {
      why: "a clusterNetwork makes inline delegates count for nothing (T118)",
      members: '"clusterNetwork":"cbr0","defaultNetworks":["a"],"delegates":[{}]',
      want: { networks: { given: "by-name", clusterNetwork: "cbr0", defaultNetworks: ["a"] } },
    },
    { why: "an empty clusterNetwork is none", members: '"clusterNetwork":""', want: { networks: { given: "inline" } } },
    {
      why: "keys in another case are ours too (T119)",
      members: '"Delegates":[{}],"BINDIR":"/x","readinessIndicatorFile":"/r"',
      want: { networks: { delegates: ["{}"] }, binDir: "/x", readinessIndicatorFile: "/r" },
    },
    {
      why: "isolation without a list of its own (T113)",
      members: '"namespaceIsolation":true',
      want: { isolation: { globalNamespaces: ["default"] } },
    },
    {
      why: "isolation with one (T112, T149)",
      members: '"namespaceIsolation":true,"globalNamespaces":" foo,bar ,x"',
      want: { isolation: { globalNamespaces: ["foo", "bar", "x"] } },
    },
    {
      why: "the runtime's list of what is valid",
      members: '"cni.dev/valid-attachments":[{"containerID":"abc","ifname":"eth0"}]',
      want: { validAttachments: [{ containerId: "abc", ifName: "eth0" }] },
    },
    {
      why: "an empty list of what is valid is a list",
      members: '"cni.dev/valid-attachments":[]',
      want: { validAttachments: [] },
    },
    {
      why: "a prevResult, which is nobody's business here (T041, T115)",
      members: '"prevResult":{"x":1}',
      want: { name: "plexus" },
    },
  ])("$why", ({ members, want }) => {
    expect(parseNetConf(conf(members))).toMatchObject(want);
  });

  it("needs no version, nor does a prevResult in it (T114)", () => {
    expect(parseNetConf('{"name":"plexus","prevResult":{}}')).toMatchObject({ version: "0.1.0" });
  });

  it("lets the daemon's own settings win over the runtime's (T270)", () => {
    const overlay = JsonObject.parse('{"namespaceIsolation":true,"binDir":"/opt/x","vendor":1}', "the overlay");
    expect(parseNetConf(conf('"binDir":"/y","confDir":"/z"'), overlay)).toMatchObject({
      binDir: "/opt/x",
      confDir: "/z",
      isolation: { globalNamespaces: ["default"] },
    });
  });

  it("keeps every capability arg of the runtime, known to us or not (T116)", () => {
    const { runtimeConfig } = parseNetConf(conf('"runtimeConfig":{"portMappings":[{"hostPort":80}],"vendor":1}'));
    expect(runtimeConfig.toString()).toBe('{"portMappings":[{"hostPort":80}],"vendor":1}');
  });

  it.each([
    { why: "not JSON (T027)", text: "{", code: 6 },
    { why: "not an object", text: '"x"', code: 6 },
    { why: "no name (T005)", text: "{}", code: 7 },
    { why: "a name that could be a path", text: '{"name":"a/b"}', code: 7 },
    { why: "an unknown version (T006)", text: '{"name":"a","cniVersion":"2.0.0"}', code: 1 },
    { why: "a version that is no string", text: '{"name":"a","cniVersion":1}', code: 6 },
    { why: "a flag that is a word (T120)", text: conf('"namespaceIsolation":"true"'), code: 6 },
    { why: "delegates that are no list", text: conf('"delegates":{}'), code: 6 },
    { why: "a runtimeConfig that is no object", text: conf('"runtimeConfig":[]'), code: 6 },
    {
      why: "a valid attachment without its interface",
      text: conf('"cni.dev/valid-attachments":[{"containerID":"a"}]'),
      code: 6,
    },
  ])("refuses: $why", ({ text, code }) => {
    expect(() => parseNetConf(text)).toThrow(expect.objectContaining({ code }) as Error);
  });
});
