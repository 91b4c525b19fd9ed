import { describe, expect, it } from "vitest";
import { parseResult } from "../../daemon/domain/cni/result.ts";
import { renderNetworkStatus, statusOf } from "../../daemon/domain/network-status.ts";

/** The status of a network called `shop/blue` whose plugin printed this. */
function statusFor(result: object, { primary = false, version = "1.1.0", deviceInfo = "" } = {}) {
  const text = JSON.stringify({ cniVersion: version, ...result });
  return statusOf({
    network: "shop/blue",
    ifName: "net7",
    primary,
    result: parseResult(text, "1.1.0").result,
    deviceInfo: deviceInfo || undefined,
  });
}

const SANDBOX = "/run/netns/a";

describe("statusOf", () => {
  it.each([
    {
      why: "T230: one interface speaks for all addresses, routes and dns",
      result: {
        interfaces: [{ name: "eth0", mac: "02:00:00:00:00:01", mtu: 1450, sandbox: SANDBOX }],
        ips: [{ address: "10.0.0.5/24", interface: 7 }, { address: "fd00::5/64" }],
        routes: [
          { dst: "0.0.0.0/0", gw: "10.0.0.1" },
          { dst: "10.1.0.0/16", gw: "10.0.0.2" },
          { dst: "::/0", gw: "fd00::1" },
        ],
        dns: { nameservers: ["10.96.0.10"], domain: "shop", search: ["svc"], options: ["ndots:5"] },
      },
      want: [
        {
          name: "shop/blue",
          interface: "eth0",
          ips: ["10.0.0.5", "fd00::5"],
          mac: "02:00:00:00:00:01",
          mtu: 1450,
          default: true,
          dns: { nameservers: ["10.96.0.10"], domain: "shop", search: ["svc"], options: ["ndots:5"] },
          gateway: ["10.0.0.1", "fd00::1"],
        },
      ],
    },
    {
      why: "one interface on the host's side gives an entry without a name",
      result: { interfaces: [{ name: "veth1", mac: "02:00:00:00:00:01" }], ips: [{ address: "10.0.0.5/24" }] },
      want: [{ name: "shop/blue", ips: ["10.0.0.5"], default: true, dns: {} }],
    },
    {
      why: "T231: of bridge's three interfaces the one in the sandbox",
      result: {
        interfaces: [{ name: "cni0" }, { name: "veth1" }, { name: "eth0", sandbox: SANDBOX }],
        ips: [{ interface: 2, address: "10.0.0.5/24", gateway: "10.0.0.1" }],
      },
      want: [{ name: "shop/blue", interface: "eth0", ips: ["10.0.0.5"], default: true, dns: {} }],
    },
    {
      why: "T232: of two the one with the first gateway is default, and each has its own addresses",
      result: {
        interfaces: [
          { name: "eth0", sandbox: SANDBOX },
          { name: "eth1", sandbox: SANDBOX },
        ],
        ips: [
          { interface: 0, address: "10.0.0.5/24" },
          { interface: 1, address: "10.1.0.5/24", gateway: "10.1.0.1" },
          { interface: 0, address: "10.2.0.5/24", gateway: "10.2.0.1" },
        ],
        routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }],
      },
      want: [
        { name: "shop/blue", interface: "eth0", ips: ["10.0.0.5", "10.2.0.5"], dns: {}, gateway: ["10.1.0.1"] },
        { name: "shop/blue", interface: "eth1", ips: ["10.1.0.5"], default: true, dns: {}, gateway: ["10.1.0.1"] },
      ],
    },
    {
      why: "T233: addresses without an index go to the last, and without a gateway the first is default",
      result: {
        interfaces: [
          { name: "eth0", sandbox: SANDBOX },
          { name: "eth1", sandbox: SANDBOX },
        ],
        ips: [{ address: "10.0.0.5/24", gateway: "10.0.0.1" }, { address: "10.1.0.5/24" }],
      },
      want: [
        { name: "shop/blue", interface: "eth0", default: true, dns: {} },
        { name: "shop/blue", interface: "eth1", ips: ["10.0.0.5", "10.1.0.5"], dns: {} },
      ],
    },
    {
      why: "T234: when the gateway's address is on the host's side, none is default and the address is not shown",
      result: {
        interfaces: [{ name: "veth1" }, { name: "eth0", sandbox: SANDBOX }],
        ips: [{ interface: 0, address: "10.0.0.5/24", gateway: "10.0.0.1" }],
      },
      want: [{ name: "shop/blue", interface: "eth0", dns: {} }],
    },
    {
      why: "no interface named: all addresses are those of the attachment's own (issue 11)",
      result: { ips: [{ address: "10.0.0.5/24", interface: 3 }, { address: "fd00::5/64" }] },
      want: [{ name: "shop/blue", interface: "net7", ips: ["10.0.0.5", "fd00::5"], default: true, dns: {} }],
    },
    { why: "neither interface nor address, no entry", result: { dns: { domain: "shop" } }, want: [] },
    {
      why: "a sandbox that is no path is the host's side (issue 11)",
      result: {
        interfaces: [
          { name: "veth1", sandbox: "0" },
          { name: "eth0", sandbox: SANDBOX },
        ],
        ips: [{ interface: 1, address: "10.0.0.5/24", gateway: "10.0.0.1" }],
      },
      want: [{ name: "shop/blue", interface: "eth0", ips: ["10.0.0.5"], default: true, dns: {} }],
    },
    {
      why: "and so it is of the only interface",
      result: { interfaces: [{ name: "veth1", mac: "02:00:00:00:00:01", sandbox: "host" }] },
      want: [{ name: "shop/blue", default: true, dns: {} }],
    },
    {
      why: "two interfaces on the host's side, no entry",
      result: { interfaces: [{ name: "a" }, { name: "b" }] },
      want: [],
    },
  ])("$why", ({ result, want }) => {
    expect(statusFor(result, { primary: true })).toEqual(want);
  });

  it("marks nothing as default on a network that is not the pod's default one", () => {
    const eth0 = { name: "eth0", sandbox: SANDBOX };
    const ips = [{ interface: 0, address: "10.0.0.5/24", gateway: "10.0.0.1" }];
    const entries = [...statusFor({ interfaces: [eth0], ips }), ...statusFor({ interfaces: [eth0, eth0], ips })];
    expect(entries.map((entry) => entry.default)).toEqual([undefined, undefined, undefined]);
  });

  it("T235: shows the attachment's own interface for a result as old as 0.2.0, which names none (issue 11)", () => {
    const result = { ip4: { ip: "10.0.0.5/24" }, ip6: { ip: "fd00::5/64" } };
    const want = [{ name: "shop/blue", interface: "net7", ips: ["10.0.0.5", "fd00::5"], dns: {} }];
    expect(statusFor(result, { version: "0.2.0" })).toEqual(want);
  });

  it("refuses what no annotation can hold", () => {
    const dns = { search: Array<string>(2_000).fill("x".repeat(50)) };
    const result = { interfaces: [{ name: "a", sandbox: SANDBOX }], dns };
    const entries = [...statusFor(result), ...statusFor(result)];
    expect(() => renderNetworkStatus(entries)).toThrow("has more than 204800 characters");
  });

  it.each([
    { why: "a default route", routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1" }], want: ["10.0.0.1"] },
    { why: "one of IPv6, however it is written", routes: [{ dst: "0::0/0", gw: "fd00::1" }], want: ["fd00::1"] },
    {
      why: "T237: none of a default route without gateway",
      routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0", gw: "" }],
      want: undefined,
    },
    { why: "none of a route to half the world", routes: [{ dst: "0.0.0.0/1", gw: "10.0.0.1" }], want: undefined },
    { why: "none of a route to somewhere", routes: [{ dst: "10.0.0.0/8", gw: "10.0.0.1" }], want: undefined },
  ])("takes as gateway that of $why", ({ routes, want }) => {
    const [entry] = statusFor({ interfaces: [{ name: "eth0", sandbox: SANDBOX }], routes });
    expect(entry?.gateway).toEqual(want);
  });
});

describe("renderNetworkStatus", () => {
  it("indents by four, joins without a blank, keeps the order of the members, and always has name and dns", () => {
    const eth0 = { name: "eth0", mac: "02:00:00:00:00:01", mtu: 1450, sandbox: SANDBOX };
    const first = statusFor(
      {
        interfaces: [eth0],
        ips: [{ address: "10.0.0.5/24" }],
        routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1" }],
        dns: { search: ["a"] },
      },
      { primary: true },
    );
    const second = statusOf({
      network: "lan",
      ifName: "net8",
      primary: false,
      result: parseResult('{"interfaces":[{"name":"v"}]}', "1.0.0").result,
    });
    expect(renderNetworkStatus([...first, ...second])).toBe(`[{
    "name": "shop/blue",
    "interface": "eth0",
    "ips": [
        "10.0.0.5"
    ],
    "mac": "02:00:00:00:00:01",
    "mtu": 1450,
    "default": true,
    "dns": {
        "search": [
            "a"
        ]
    },
    "gateway": [
        "10.0.0.1"
    ]
},{
    "name": "lan",
    "dns": {}
}]`);
  });

  it("shows what is known of a device as it was told, between dns and gateway", () => {
    const result = {
      interfaces: [{ name: "net1", sandbox: SANDBOX }],
      routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1" }],
    };
    const deviceInfo = '{"type":"pci","version":"1.1.0","pci":{"pci-address":"0000:01:10.0"}}';
    expect(renderNetworkStatus(statusFor(result, { deviceInfo }))).toBe(`[{
    "name": "shop/blue",
    "interface": "net1",
    "dns": {},
    "device-info": {
        "type": "pci",
        "version": "1.1.0",
        "pci": {
            "pci-address": "0000:01:10.0"
        }
    },
    "gateway": [
        "10.0.0.1"
    ]
}]`);
  });

  it("is an empty list when there is nothing to show", () => {
    expect(renderNetworkStatus([])).toBe("[]");
  });
});
