import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { convertResult } from "../../../daemon/domain/cni/convert.ts";
import { layoutOf, parseResult, type CniResult, type ResultLayout } from "../../../daemon/domain/cni/result.ts";
import { CNI_VERSIONS, isAtLeast } from "../../../daemon/domain/cni/version.ts";
import { refusalOf } from "../refusal.ts";

/** One result as a plugin printed it in the layout `from`, and how it reads in each layout. `cniVersion` is left out. */
interface Sample {
  readonly what: string;
  readonly from: ResultLayout;
  readonly as: Readonly<Record<ResultLayout, object>>;
}

const SAMPLES: readonly Sample[] = [
  {
    what: "bridge's result, with mtu",
    from: "current",
    as: {
      current: {
        interfaces: [
          { name: "cni0", mac: "3a:11:22:33:44:55", mtu: 1450 },
          { name: "veth1", mac: "5e:11:22:33:44:55", mtu: 1450 },
          { name: "eth0", mac: "0a:11:22:33:44:55", mtu: 1450, sandbox: "/run/netns/a" },
        ],
        ips: [{ interface: 2, address: "10.244.0.7/24", gateway: "10.244.0.1" }],
        routes: [{ dst: "10.244.0.0/16" }, { dst: "0.0.0.0/0", gw: "10.244.0.1" }],
      },
      "ips-with-version": {
        interfaces: [
          { name: "cni0", mac: "3a:11:22:33:44:55" },
          { name: "veth1", mac: "5e:11:22:33:44:55" },
          { name: "eth0", mac: "0a:11:22:33:44:55", sandbox: "/run/netns/a" },
        ],
        ips: [{ version: "4", interface: 2, address: "10.244.0.7/24", gateway: "10.244.0.1" }],
        routes: [{ dst: "10.244.0.0/16" }, { dst: "0.0.0.0/0", gw: "10.244.0.1" }],
        dns: {},
      },
      "ip4-and-ip6": {
        ip4: {
          ip: "10.244.0.7/24",
          gateway: "10.244.0.1",
          routes: [{ dst: "10.244.0.0/16" }, { dst: "0.0.0.0/0", gw: "10.244.0.1" }],
        },
        dns: {},
      },
    },
  },
  {
    what: "flannel's result",
    from: "ips-with-version",
    as: {
      "ips-with-version": {
        interfaces: [{ name: "eth0", mac: "0a:58:0a:f4:01:02", sandbox: "/proc/4711/ns/net" }],
        ips: [{ version: "4", interface: 0, address: "10.244.1.2/24", gateway: "10.244.1.1" }],
        routes: [{ dst: "10.244.0.0/16", gw: "10.244.1.1" }],
        dns: {},
      },
      current: {
        interfaces: [{ name: "eth0", mac: "0a:58:0a:f4:01:02", sandbox: "/proc/4711/ns/net" }],
        ips: [{ interface: 0, address: "10.244.1.2/24", gateway: "10.244.1.1" }],
        routes: [{ dst: "10.244.0.0/16", gw: "10.244.1.1" }],
      },
      "ip4-and-ip6": {
        ip4: { ip: "10.244.1.2/24", gateway: "10.244.1.1", routes: [{ dst: "10.244.0.0/16", gw: "10.244.1.1" }] },
        dns: {},
      },
    },
  },
  {
    what: "an old result with ip4 only",
    from: "ip4-and-ip6",
    as: {
      "ip4-and-ip6": {
        ip4: { ip: "10.1.2.3/24", gateway: "10.1.2.1", routes: [{ dst: "0.0.0.0/0", gw: "10.1.2.1" }] },
        dns: { nameservers: ["10.96.0.10"], search: ["shop.svc"] },
      },
      "ips-with-version": {
        ips: [{ version: "4", address: "10.1.2.3/24", gateway: "10.1.2.1" }],
        routes: [{ dst: "0.0.0.0/0", gw: "10.1.2.1" }],
        dns: { nameservers: ["10.96.0.10"], search: ["shop.svc"] },
      },
      current: {
        ips: [{ address: "10.1.2.3/24", gateway: "10.1.2.1" }],
        routes: [{ dst: "0.0.0.0/0", gw: "10.1.2.1" }],
        dns: { nameservers: ["10.96.0.10"], search: ["shop.svc"] },
      },
    },
  },
  {
    what: "two addresses of each family, IPv6 first, one mapped",
    from: "current",
    as: {
      current: {
        interfaces: [{ name: "net1", sandbox: "/run/netns/a", socketPath: "/run/s", pciID: "0000:3b:00.1" }],
        ips: [
          { interface: 0, address: "fd00::5/64", gateway: "fd00::1" },
          { interface: 0, address: "fd00::6/64" },
          { interface: 0, address: "::ffff:10.0.0.5/120" },
          { interface: 0, address: "10.0.0.6/24" },
        ],
        routes: [
          { dst: "::/0", gw: "fd00::1", mtu: 1400, table: 0 },
          { dst: "0.0.0.0/0", gw: "10.0.0.1", priority: 5 },
        ],
        dns: { options: ["ndots:2"] },
      },
      "ips-with-version": {
        interfaces: [{ name: "net1", sandbox: "/run/netns/a" }],
        ips: [
          { version: "6", interface: 0, address: "fd00::5/64", gateway: "fd00::1" },
          { version: "6", interface: 0, address: "fd00::6/64" },
          { version: "4", interface: 0, address: "::ffff:10.0.0.5/120" },
          { version: "4", interface: 0, address: "10.0.0.6/24" },
        ],
        routes: [
          { dst: "::/0", gw: "fd00::1", mtu: 1400, table: 0 },
          { dst: "0.0.0.0/0", gw: "10.0.0.1", priority: 5 },
        ],
        dns: { options: ["ndots:2"] },
      },
      "ip4-and-ip6": {
        ip4: { ip: "::ffff:10.0.0.5/120", routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1" }] },
        ip6: { ip: "fd00::5/64", gateway: "fd00::1", routes: [{ dst: "::/0", gw: "fd00::1" }] },
        dns: { options: ["ndots:2"] },
      },
    },
  },
  {
    what: "an IPv6 address with a route of the other family, which old versions have no place for",
    from: "current",
    as: {
      current: { ips: [{ address: "fd00::5/64" }], routes: [{ dst: "10.0.0.0/8" }] },
      "ips-with-version": { ips: [{ version: "6", address: "fd00::5/64" }], routes: [{ dst: "10.0.0.0/8" }], dns: {} },
      "ip4-and-ip6": { ip6: { ip: "fd00::5/64" }, dns: {} },
    },
  },
];

const PAIRS = SAMPLES.flatMap(({ what, from, as }) =>
  CNI_VERSIONS.filter((version) => layoutOf(version) === from).flatMap((version) =>
    CNI_VERSIONS.map((to) => ({
      what,
      version,
      to,
      text: JSON.stringify({ cniVersion: version, ...as[from] }),
      want: { cniVersion: to, ...as[layoutOf(to)] },
    })),
  ),
);

describe("convertResult", () => {
  it.each(PAIRS)("says $what from $version in $to", ({ text, to, want }) => {
    expect(JSON.parse(convertResult(text, "0.4.0", to))).toEqual(want);
  });

  it("T038: in 0.3.1 each ip has its version, there is no mtu, and dns is always there", () => {
    const text =
      '{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","mtu":1500,"sandbox":"/n"}],"ips":[{"interface":0,"address":"10.0.0.5/24"}]}';
    expect(convertResult(text, "1.1.0", "0.3.1")).toBe(
      '{"cniVersion":"0.3.1","interfaces":[{"name":"eth0","sandbox":"/n"}],"ips":[{"version":"4","interface":0,"address":"10.0.0.5/24"}],"dns":{}}',
    );
  });

  it.each([
    { why: "a member nobody knows", text: '{"cniVersion":"1.0.0","vendor":{"b":1,"a":[ 2 ]},"ips":[]}' },
    { why: "the text of a number", text: '{"cniVersion":"1.0.0","x":123456789012345678901234567890,"y":1.50}' },
    { why: "unknown keys deep inside", text: '{"cniVersion":"1.0.0","interfaces":[{"name":"a","vhost":true}]}' },
    { why: "the order of the members", text: '{"routes":[],"ips":[],"cniVersion":"1.0.0","interfaces":[]}' },
  ])("keeps $why where only the version changes", ({ text }) => {
    expect(convertResult(text, "0.4.0", "1.0.0")).toBe(text);
    expect(convertResult(text, "0.4.0", "1.1.0")).toBe(text.replace("1.0.0", "1.1.0"));
  });

  it.each([
    { why: "T022: null", text: "null", want: '{"cniVersion":"0.4.0"}' },
    { why: "an object without a version", text: '{ "ips" : [ ] }', want: '{"ips":[ ],"cniVersion":"0.4.0"}' },
    { why: "an empty version", text: '{"cniVersion":"","ips":[]}', want: '{"cniVersion":"0.4.0","ips":[]}' },
  ])("adds the version that is missing: $why", ({ text, want }) => {
    expect(convertResult(text, "0.4.0", "0.4.0")).toBe(want);
  });

  it.each([
    {
      why: "T022: null from a plugin of the old days stays nothing",
      text: "null",
      conf: "0.2.0",
      to: "0.1.0",
      want: '{"cniVersion":"0.1.0"}',
    },
    {
      why: "an empty result becomes an empty one of today",
      text: "{}",
      conf: "0.2.0",
      to: "1.1.0",
      want: '{"cniVersion":"1.1.0"}',
    },
    {
      why: "an empty result has its dns in 0.4.0",
      text: "{}",
      conf: "1.0.0",
      to: "0.4.0",
      want: '{"cniVersion":"0.4.0","dns":{}}',
    },
  ] as const)("$why", ({ text, conf, to, want }) => {
    expect(convertResult(text, conf, to)).toBe(want);
  });

  it.each([
    {
      why: "T039: only interfaces, for a conf without cniVersion",
      text: '{"interfaces":[{"name":"eth0","sandbox":"/n"}]}',
      to: "0.1.0",
    },
    { why: "nothing at all", text: "null", to: "0.2.0" },
  ] as const)("cannot say a result without address in the oldest versions: $why", ({ text, to }) => {
    expect(refusalOf(() => convertResult(text, "1.1.0", to))).toMatchObject({
      kind: "incompatible-version",
      message: "cannot convert: no valid IP addresses",
    });
  });

  it.each(CNI_VERSIONS)("T236: does not touch a version that it does not know, on the way to %s", (to) => {
    expect(refusalOf(() => convertResult('{"cniVersion":"1.2.3"}', to, to))).toMatchObject({
      kind: "incompatible-version",
    });
  });

  it("refuses what is no result even where only the version would change", () => {
    expect(refusalOf(() => convertResult('{"ips":{}}', "1.0.0", "1.1.0"))).toMatchObject({ kind: "decode-failure" });
  });

  it("up to a later version and back again, nothing is lost", () => {
    const pair = fc
      .tuple(fc.constantFrom(...CNI_VERSIONS), fc.constantFrom(...CNI_VERSIONS))
      .filter(([low, high]) => isAtLeast(high, low));
    fc.assert(
      fc.property(anyResult, pair, (result, [low, high]) => {
        const before = convertResult(JSON.stringify({ cniVersion: "1.1.0", ...result }), "1.1.0", low);
        const back = convertResult(convertResult(before, "1.1.0", high), "1.1.0", low);
        expect(parseResult(back, "1.1.0")).toEqual(parseResult(before, "1.1.0"));
      }),
      { numRuns: 1_000 },
    );
  });

  it("down to 0.3 or 0.4 and up again, all is kept but what only 1.x can say of an interface", () => {
    fc.assert(
      fc.property(anyResult, fc.constantFrom("0.3.0", "0.3.1", "0.4.0"), (result, low) => {
        const before = JSON.stringify({ cniVersion: "1.1.0", ...result });
        const back = convertResult(convertResult(before, "1.1.0", low), "1.1.0", "1.1.0");
        const interfaces = result.interfaces.map(({ name, mac, sandbox }) => ({ name, mac, sandbox }));
        expect(parseResult(back, "1.1.0").result).toEqual({ ...result, interfaces });
      }),
    );
  });
});

function maybe<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

const address = fc.oneof(
  fc.tuple(fc.ipV4(), fc.nat({ max: 32 })).map((parts) => parts.join("/")),
  fc.tuple(fc.ipV6(), fc.nat({ max: 128 })).map((parts) => parts.join("/")),
);
const word = fc.string({ minLength: 1, maxLength: 4 });

/** Any result with at least one address, since the oldest versions can say no other. */
const anyResult: fc.Arbitrary<CniResult> = fc.record({
  interfaces: fc.array(
    fc.record({
      name: word,
      mac: maybe(word),
      mtu: maybe(fc.integer({ min: 1 })),
      sandbox: maybe(word),
      socketPath: maybe(word),
      pciID: maybe(word),
    }),
    { maxLength: 3 },
  ),
  ips: fc.array(fc.record({ interface: maybe(fc.nat({ max: 3 })), address, gateway: maybe(fc.ipV4()) }), {
    minLength: 1,
    maxLength: 4,
  }),
  routes: fc.array(
    fc.record({
      dst: address,
      gw: maybe(fc.ipV6()),
      mtu: maybe(fc.integer({ min: 1 })),
      table: maybe(fc.nat()),
      scope: maybe(fc.nat()),
    }),
    { maxLength: 4 },
  ),
  dns: fc.record({ nameservers: maybe(fc.array(fc.ipV4(), { minLength: 1 })), domain: maybe(word) }),
});
