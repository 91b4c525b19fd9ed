import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseResult } from "../../../daemon/domain/cni/result.ts";
import { CNI_VERSIONS } from "../../../daemon/domain/cni/version.ts";
import { jsonValue, spoilt } from "../json/json-text.ts";
import { refusalOf } from "../refusal.ts";

const NOTHING = { interfaces: [], ips: [], routes: [], dns: {} };

describe("parseResult", () => {
  it.each([
    {
      why: "an interface with everything 1.1.0 can say of it",
      text: `{"cniVersion":"1.1.0",
        "interfaces":[{"name":"net1","mac":"02:00:00:00:00:01","mtu":9000,"sandbox":"/run/netns/a","socketPath":"/s","pciID":"0000:3b:00.1"}],
        "ips":[{"interface":0,"address":"10.0.0.5/24","gateway":"10.0.0.1"}],
        "routes":[{"dst":"0.0.0.0/0","gw":"10.0.0.1","mtu":1400,"advmss":1360,"priority":10,"table":0,"scope":0}],
        "dns":{"nameservers":["10.96.0.10"],"domain":"shop","search":["a","b"],"options":["ndots:5"]}}`,
      version: "1.1.0",
      result: {
        interfaces: [
          {
            name: "net1",
            mac: "02:00:00:00:00:01",
            mtu: 9000,
            sandbox: "/run/netns/a",
            socketPath: "/s",
            pciID: "0000:3b:00.1",
          },
        ],
        ips: [{ interface: 0, address: "10.0.0.5/24", gateway: "10.0.0.1" }],
        routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1", mtu: 1400, advmss: 1360, priority: 10, table: 0, scope: 0 }],
        dns: { nameservers: ["10.96.0.10"], domain: "shop", search: ["a", "b"], options: ["ndots:5"] },
      },
    },
    {
      why: "ips with a version, which the address says already",
      text: '{"cniVersion":"0.4.0","interfaces":[{"name":"a","mtu":"?"}],"ips":[{"version":"4","interface":0,"address":"10.0.0.5/24"}]}',
      version: "0.4.0",
      result: { ...NOTHING, interfaces: [{ name: "a" }], ips: [{ interface: 0, address: "10.0.0.5/24" }] },
    },
    {
      why: "ip4 before ip6, and the routes of both",
      text: `{"cniVersion":"0.2.0",
        "ip6":{"ip":"fd00::5/64","gateway":"fd00::1","routes":[{"dst":"::/0"}]},
        "ip4":{"ip":"10.0.0.5/24","routes":[{"dst":"0.0.0.0/0","gw":"10.0.0.1"},{"dst":"10.1.0.0/16"}]},
        "dns":{"nameservers":["10.96.0.10"]}}`,
      version: "0.2.0",
      result: {
        interfaces: [],
        ips: [{ address: "10.0.0.5/24" }, { address: "fd00::5/64", gateway: "fd00::1" }],
        routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1" }, { dst: "10.1.0.0/16" }, { dst: "::/0" }],
        dns: { nameservers: ["10.96.0.10"] },
      },
    },
    { why: "T022: null as nothing, in the conf's version", text: " null\n", version: "0.3.1", result: NOTHING },
    { why: "a result without a version as of the conf's", text: "{}", version: "0.3.1", result: NOTHING },
    { why: "an empty version as none", text: '{"cniVersion":""}', version: "0.3.1", result: NOTHING },
    { why: "a null version as none", text: '{"cniVersion":null}', version: "0.3.1", result: NOTHING },
    { why: "another version than the conf's", text: '{"cniVersion":"1.0.0"}', version: "1.0.0", result: NOTHING },
    {
      why: "nulls and empty values as absent",
      text: '{"interfaces":null,"ips":[{"address":"10.0.0.5/24","gateway":"","interface":null}],"routes":[{"dst":"10.0.0.0/8","gw":null,"mtu":0}],"dns":{"domain":"","search":[]}}',
      version: "0.3.1",
      result: { interfaces: [], ips: [{ address: "10.0.0.5/24" }], routes: [{ dst: "10.0.0.0/8" }], dns: {} },
    },
    {
      why: "other people's keys as nothing of ours",
      text: '{"x":1,"ips":[{"address":"10.0.0.5/24","x":{}}]}',
      version: "0.3.1",
      result: { ...NOTHING, ips: [{ address: "10.0.0.5/24" }] },
    },
  ])("reads $why", ({ text, version, result }) => {
    expect(parseResult(text, "0.3.1")).toEqual({ version, result });
  });

  it.each(["", " \n"])("refuses a plugin that printed nothing: %j", (text) => {
    expect(refusalOf(() => parseResult(text, "1.1.0"))).toMatchObject({
      kind: "decode-failure",
      message: "failed to unmarshal raw result: unexpected end of JSON input",
    });
  });

  it("T236: refuses a version that it does not know, and says which it knows", () => {
    expect(refusalOf(() => parseResult('{"cniVersion":"1.2.3"}', "1.1.0"))).toMatchObject({
      kind: "incompatible-version",
      message: 'no converter for CNI result version "1.2.3"',
      details: "results are understood in versions 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0",
    });
  });

  it.each([
    { why: "prose", text: "all is well", message: /^the CNI result is not JSON: / },
    { why: "a list", text: "[]", message: /^the CNI result is not a JSON object$/ },
    {
      why: "a version that is a number",
      text: '{"cniVersion":1}',
      message: /^the CNI result: cniVersion: .*expected string/,
    },
    { why: "interfaces that are no list", text: '{"interfaces":{}}', message: /: interfaces: .*expected array/ },
    {
      why: "an interface that is null",
      text: '{"interfaces":[null]}',
      message: /: interfaces\[0\]: .*expected object/,
    },
    {
      why: "an index that is a string",
      text: '{"ips":[{"address":"10.0.0.1/8","interface":"0"}]}',
      message: /: ips\[0\]\.interface: /,
    },
    {
      why: "an address without prefix length",
      text: '{"ips":[{"address":"10.0.0.1"}]}',
      message: /: ips\[0\]\.address: not an IP address with/,
    },
    { why: "an ip without address", text: '{"ips":[{}]}', message: /: ips\[0\]\.address: / },
    {
      why: "a gateway that is none",
      text: '{"ips":[{"address":"10.0.0.1/8","gateway":"?"}]}',
      message: /: ips\[0\]\.gateway: not an IP address$/,
    },
    { why: "a route to nowhere", text: '{"routes":[{"dst":"default"}]}', message: /: routes\[0\]\.dst: / },
    { why: "dns that is a string", text: '{"dns":"10.96.0.10"}', message: /: dns: .*expected object/ },
    { why: "ip4 without its ip", text: '{"cniVersion":"0.2.0","ip4":{}}', message: /: ip4\.ip: / },
  ])("refuses $why, and names the place", ({ text, message }) => {
    const refusal = refusalOf(() => parseResult(text, "1.1.0"));
    expect(refusal).toMatchObject({ kind: "decode-failure", code: 6 });
    expect(refusal?.message).toMatch(message);
  });

  it("gives a result or a PlexusError, whatever a plugin prints", () => {
    const key = fc.constantFrom("cniVersion", "interfaces", "ips", "ip4", "routes", "dns", "address", "name");
    const shaped = fc.dictionary(
      key,
      fc.oneof(fc.jsonValue(), fc.array(fc.dictionary(key, fc.jsonValue())), fc.constantFrom(...CNI_VERSIONS)),
    );
    const printed = fc.oneof(
      fc.string(),
      spoilt(jsonValue),
      shaped.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(printed, fc.constantFrom(...CNI_VERSIONS), (text, version) => {
        refusalOf(() => parseResult(text, version));
      }),
      { numRuns: 1_000 },
    );
  });
});

it("refuses a result that neither a record nor an annotation can hold (issue 11)", () => {
  const ips = Array<object>(100_000).fill({ address: "10.0.0.5/24" });
  expect(refusalOf(() => parseResult(JSON.stringify({ ips }), "1.1.0"))).toMatchObject({
    kind: "decode-failure",
    message: "the CNI result has 2600009 characters, more than 131072",
  });
});
