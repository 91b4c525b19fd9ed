import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isIfName, namespace } from "../../daemon/domain/ids.ts";
import { parseSelections } from "../../daemon/domain/selection.ts";
import { jsonValue, spoilt } from "./json/json-text.ts";
import { refusalOf } from "./refusal.ts";

const home = namespace("shop");
const JSON_FORM =
  "parsePodNetworkAnnotation: failed to parse pod Network Attachment Selection Annotation JSON format: ";
const MISMATCH =
  "parsePodNetworkAnnotation: parsePodNetworkObjectName: Failed to parse: one or more items did not match comma-delimited format " +
  "(must consist of lower case alphanumeric characters). Must start and end with an alphanumeric character), mismatch @ ";
const IF_NAME =
  "parsePodNetworkAnnotation: parsePodNetworkObjectName: Failed to parse interface name: " +
  "must be less than 15 chars and not contain '/' or spaces. interface name ";

/** An annotation that selects `blue` and says this of it. */
function blue(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify([{ name: "blue", ...fields }]);
}

describe("nothing is selected", () => {
  it.each([
    { why: "no annotation", text: undefined },
    { why: "T140: an empty one", text: "" },
    { why: "T140: an empty list", text: " [ ] " },
  ])("by $why", ({ text }) => {
    expect(parseSelections(text, home)).toEqual([]);
  });
});

describe("the short form", () => {
  it.each([
    {
      why: "T130: a bare name lives in the pod's namespace",
      text: "net1",
      want: [{ name: "net1", namespace: "shop" }],
    },
    { why: "T130: a slash names another namespace", text: "ops/net1", want: [{ name: "net1", namespace: "ops" }] },
    {
      why: "T130: @ picks the interface",
      text: "net1@my_If.0",
      want: [{ name: "net1", namespace: "shop", interface: "my_If.0" }],
    },
    {
      why: "T130: all of it at once",
      text: "ops/net1@lan0",
      want: [{ name: "net1", namespace: "ops", interface: "lan0" }],
    },
    {
      why: "an interface name may have 15 bytes",
      text: "a@abcdefghijklmno",
      want: [{ name: "a", namespace: "shop", interface: "abcdefghijklmno" }],
    },
    {
      why: "the same network may come twice, and the order stays",
      text: "b,a,b",
      want: ["b", "a", "b"].map((name) => ({ name, namespace: "shop" })),
    },
    {
      why: "T135: blanks around all parts do not count",
      text: " net1 ,\n ns2 / net2 @ if2 ",
      want: [
        { name: "net1", namespace: "shop" },
        { name: "net2", namespace: "ns2", interface: "if2" },
      ],
    },
    {
      why: "T146: an item with nothing in it is a network that nobody has",
      text: "net1,",
      want: [
        { name: "net1", namespace: "shop" },
        { name: "", namespace: "shop" },
      ],
    },
    { why: "an empty namespace is the pod's", text: "/net1", want: [{ name: "net1", namespace: "shop" }] },
    { why: "an empty interface is none", text: "net1@", want: [{ name: "net1", namespace: "shop" }] },
  ])("$why", ({ text, want }) => {
    expect(parseSelections(text, home)).toEqual(want);
  });

  it.each([
    {
      why: "T131: three slashes",
      text: "root@someIP/root@someOtherIP/root@thirdIP",
      message: "parsePodNetworkAnnotation: parsePodNetworkObjectName: Invalid network object (failed at '/')",
    },
    {
      why: "a slash in the interface name",
      text: "ns/net1@a/b",
      message: "parsePodNetworkAnnotation: parsePodNetworkObjectName: Invalid network object (failed at '/')",
    },
    {
      why: "T132: two @",
      text: "root@someIP/root@someOtherIP@garbage",
      message: "parsePodNetworkAnnotation: parsePodNetworkObjectName: Invalid network object (failed at '@')",
    },
    { why: "T133: an @ in the namespace", text: "root@someIP/root@someOtherIP", message: `${MISMATCH}'root@someIP'` },
    { why: "T134: a blank in the interface name", text: "default/net1@myIfc Name", message: `${IF_NAME}'myIfc Name'` },
    {
      why: "T134: an interface name too long",
      text: "default/net1@very_long_interface_name",
      message: `${IF_NAME}'very_long_interface_name'`,
    },
    { why: "an interface name that libcni would refuse later", text: "net1@a:b", message: `${IF_NAME}'a:b'` },
    { why: "an interface name that is a directory", text: "net1@..", message: `${IF_NAME}'..'` },
    { why: "T136: an upper case letter", text: "Net1", message: `${MISMATCH}'Net1'` },
    { why: "T136: an underscore", text: "net_1", message: `${MISMATCH}'net_1'` },
    { why: "T136: a dot", text: "net.1", message: `${MISMATCH}'net.1'` },
    { why: "a hyphen at the end", text: "net1-", message: `${MISMATCH}'net1-'` },
    { why: "a good item next to a bad one", text: "net1,-", message: `${MISMATCH}'-'` },
  ])("is refused for $why", ({ text, message }) => {
    expect(refusalOf(() => parseSelections(text, home))).toMatchObject({ kind: "invalid-config", code: 7, message });
  });
});

describe("the JSON form", () => {
  it.each([
    { why: "T137: a name may have dots", text: '[{"name":"net.1"}]', want: [{ name: "net.1", namespace: "shop" }] },
    {
      why: "an empty namespace is the pod's",
      text: blue({ namespace: "" }),
      want: [{ name: "blue", namespace: "shop" }],
    },
    { why: "T141: another namespace", text: blue({ namespace: "ops" }), want: [{ name: "blue", namespace: "ops" }] },
    {
      why: "T141: historical keys are ignored even with a wrong type",
      text: blue({ ipRequest: 1, macRequest: {}, "ipam-claim-reference": "x" }),
      want: [{ name: "blue", namespace: "shop" }],
    },
    {
      why: "keys in another case are meant",
      text: '[{"Name":"blue","DEVICEID":"d"}]',
      want: [{ name: "blue", namespace: "shop", deviceId: "d" }],
    },
    {
      why: "T144: the old name for interface",
      text: blue({ interfaceRequest: "lan0" }),
      want: [{ name: "blue", namespace: "shop", interface: "lan0" }],
    },
    {
      why: "T144: interface wins over its old name",
      text: blue({ interfaceRequest: "old0", interface: "lan0" }),
      want: [{ name: "blue", namespace: "shop", interface: "lan0" }],
    },
    {
      why: "an empty interface does not",
      text: blue({ interfaceRequest: "old0", interface: "" }),
      want: [{ name: "blue", namespace: "shop", interface: "old0" }],
    },
    {
      why: "nulls and empty strings are as good as absent",
      text: blue({
        interface: "",
        mac: "",
        "infiniband-guid": "",
        deviceID: "",
        ips: null,
        "cni-args": null,
        bandwidth: null,
      }),
      want: [{ name: "blue", namespace: "shop" }],
    },
    {
      why: "an element without a name is a network that nobody has",
      text: "[{}]",
      want: [{ name: "", namespace: "shop" }],
    },
    {
      why: "T142: addresses with and without prefix length",
      text: blue({ ips: ["10.0.0.5/24", "10.0.0.6", "fd00::5/64", "fd00::6"] }),
      want: [{ name: "blue", namespace: "shop", ips: ["10.0.0.5/24", "10.0.0.6", "fd00::5/64", "fd00::6"] }],
    },
    {
      why: "T142: hardware addresses",
      text: blue({ mac: "02:00:00:00:00:01", "infiniband-guid": "c2:11:22:33:44:55:66:77" }),
      want: [{ name: "blue", namespace: "shop", mac: "02:00:00:00:00:01", infinibandGuid: "c2:11:22:33:44:55:66:77" }],
    },
    {
      why: "port mappings, with what was left out filled in as Go does",
      text: blue({
        portMappings: [
          { hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "10.0.0.1" },
          { containerPort: 53 },
        ],
      }),
      want: [
        {
          name: "blue",
          namespace: "shop",
          portMappings: [
            { hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "10.0.0.1" },
            { hostPort: 0, containerPort: 53 },
          ],
        },
      ],
    },
    {
      why: "bandwidth, likewise",
      text: blue({ bandwidth: { ingressRate: 1_000_000, ingressBurst: 2_000_000 } }),
      want: [
        {
          name: "blue",
          namespace: "shop",
          bandwidth: { ingressRate: 1_000_000, ingressBurst: 2_000_000, egressRate: 0, egressBurst: 0 },
        },
      ],
    },
    {
      why: "default routes of both families",
      text: blue({ "default-route": ["10.0.0.1", "fd00::1"] }),
      want: [{ name: "blue", namespace: "shop", defaultRoute: ["10.0.0.1", "fd00::1"] }],
    },
    {
      why: "an empty list of default routes is not none",
      text: blue({ "default-route": [] }),
      want: [{ name: "blue", namespace: "shop", defaultRoute: [] }],
    },
    {
      why: "cni-args stay the text they were",
      text: '[{"name":"red"}, {"name":"blue", "cni-args": {"big":123456789012345678901,"a":[ 1.50 ]} }]',
      want: [
        { name: "red", namespace: "shop" },
        { name: "blue", namespace: "shop", cniArgs: '{"big":123456789012345678901,"a":[ 1.50 ]}' },
      ],
    },
    {
      why: "cni-args in another case, too",
      text: '[{"name":"blue","CNI-Args":{"a":1}}]',
      want: [{ name: "blue", namespace: "shop", cniArgs: '{"a":1}' }],
    },
  ])("$why", ({ text, want }) => {
    expect(parseSelections(text, home)).toEqual(want);
  });

  it.each([
    { why: "T138: what is no JSON", text: "[adsfasdf]", problem: "the annotation is not JSON: Unexpected token 'a'" },
    { why: "T139: an object", text: '{"name":"a"}', problem: "the annotation is not a JSON array" },
    { why: "T139: a string", text: '"a"', problem: "the annotation is not a JSON array" },
    {
      why: "T139: a null in the list",
      text: "[null]",
      problem: "the annotation: [0]: Invalid input: expected object, received null",
    },
    {
      why: "a string in the list",
      text: '["a"]',
      problem: "the annotation: [0]: Invalid input: expected object, received string",
    },
    {
      why: "a name that is a number",
      text: '[{"name":1}]',
      problem: "the annotation: [0].name: Invalid input: expected string, received number",
    },
    {
      why: "ips that are no list",
      text: blue({ ips: "10.0.0.1" }),
      problem: "the annotation: [0].ips: Invalid input: expected array, received string",
    },
    {
      why: "a port that is a string",
      text: blue({ portMappings: [{ hostPort: "80" }] }),
      problem: "the annotation: [0].portMappings[0].hostPort: Invalid input: expected number, received string",
    },
    {
      why: "a rate that is no whole number",
      text: blue({ bandwidth: { ingressRate: 1.5 } }),
      problem: "the annotation: [0].bandwidth.ingressRate: Invalid input: expected int, received number",
    },
    {
      why: "cni-args that are a list",
      text: blue({ "cni-args": [] }),
      problem: 'the annotation: [0]["cni-args"]: Invalid input: expected record, received array',
    },
    {
      why: "T143: a default route that is no address",
      text: blue({ "default-route": ["x"] }),
      problem: 'the annotation: [0]["default-route"][0]: invalid IP address',
    },
    {
      why: "a default route with a prefix length",
      text: blue({ "default-route": ["10.0.0.1/24"] }),
      problem: 'the annotation: [0]["default-route"][0]: invalid IP address',
    },
  ])("is refused as undecodable for $why", ({ text, problem }) => {
    expect(refusalOf(() => parseSelections(text, home))).toMatchObject({
      kind: "decode-failure",
      code: 6,
      message: JSON_FORM + problem,
    });
  });

  it.each([
    {
      why: "T142: a MAC address that is none",
      text: blue({ mac: "02:00" }),
      message: "parsePodNetworkAnnotation: failed to mac: address 02:00: invalid MAC address",
    },
    {
      why: "T142: a GUID that is none",
      text: blue({ "infiniband-guid": "c2:11" }),
      message: "parsePodNetworkAnnotation: failed to validate infiniband GUID: address c2:11: invalid MAC address",
    },
    {
      why: "T142: an address that is none",
      text: blue({ ips: ["10.0.0.1", "ten"] }),
      message: 'failed to parse IP address "ten"',
    },
    { why: "T142: an empty address", text: blue({ ips: [""] }), message: 'failed to parse IP address ""' },
    {
      why: "T142: a CIDR that is none",
      text: blue({ ips: ["10.0.0.1/33"] }),
      message: 'failed to parse CIDR "10.0.0.1/33": invalid CIDR address: 10.0.0.1/33',
    },
    {
      why: "an interface name that no interface can have",
      text: blue({ interface: "very_long_interface_name" }),
      message:
        "parsePodNetworkAnnotation: element 0: Failed to parse interface name: must be less than 15 chars and not contain '/' or spaces. " +
        "interface name 'very_long_interface_name'",
    },
    {
      why: "the MAC address first, when all is wrong",
      text: blue({ ips: ["x"], interface: "/", "infiniband-guid": "y", mac: "z" }),
      message: "parsePodNetworkAnnotation: failed to mac: address z: invalid MAC address",
    },
  ])("is refused for $why", ({ text, message }) => {
    expect(refusalOf(() => parseSelections(text, home))).toMatchObject({ kind: "invalid-config", code: 7, message });
  });

  it("does not quote the annotation when it is no JSON", () => {
    expect(refusalOf(() => parseSelections('[{"cni-args":{"token":hunter2}}]', home))?.message).not.toContain(
      "hunter2",
    );
  });
});

describe("whatever the text", () => {
  const nearGrammar = fc.string({
    unit: fc.constantFrom("a", "net1", "/", "@", ",", ".", "-", " ", "\t", "Z", ":", "\0", "é"),
    maxLength: 12,
  });
  const key = fc.constantFrom(
    "name",
    "namespace",
    "interface",
    "interfaceRequest",
    "ips",
    "mac",
    "portMappings",
    "bandwidth",
    "cni-args",
    "default-route",
    "Name",
  );
  const nearJson = fc
    .array(fc.dictionary(key, fc.jsonValue({ maxDepth: 2 })), { maxLength: 3 })
    .map((list) => JSON.stringify(list));
  const anything = fc.oneof(fc.string(), nearGrammar, nearJson, spoilt(nearJson), jsonValue);

  it("the answer is selections or a PlexusError", () => {
    fc.assert(
      fc.property(anything, (text) => {
        refusalOf(() => parseSelections(text, home));
      }),
      { numRuns: 2_000 },
    );
  });

  it("what is accepted in the short form has one selection per comma-separated item and only names that interfaces can have", () => {
    fc.assert(
      fc.property(nearGrammar, (text) => {
        fc.pre(text !== "" && refusalOf(() => parseSelections(text, home)) === undefined);
        const selections = parseSelections(text, home);
        expect(selections).toHaveLength(text.split(",").length);
        expect(selections.map((selection) => selection.interface ?? "eth0").every(isIfName)).toBe(true);
      }),
    );
  });
});
