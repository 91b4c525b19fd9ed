/**
 * Report B on a card: a node of TKE's fork of Multus with its own network config, confs and pods,
 * as the user wrote them. The kernel, the card's driver and flannel are real; TKE's sriov is the
 * stand-in of test/vm/plugins/sriov.sh, for no registry has TKE's own.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { here } from "../node/host.ts";
import { BIN, MANIFESTS, RECORDS } from "../node/plexus.ts";
import { PLAIN } from "./card.ts";
import { makeNode, type VmNode } from "./node.ts";

const fixture = (name: string): Promise<string> => readFile(here("test/fixtures/report-b", name), "utf8");

const CONF_DIR = "/etc/cni/net.d/multus";

/** The confs of the fork's own guide. */
const CONFS: Readonly<Record<string, object>> = {
  "10-tke-bridge.conf": {
    cniVersion: "0.3.1",
    name: "tke-bridge",
    type: "tke-bridge",
    bridge: "br71",
    isGateway: true,
    ipam: { type: "host-local", subnet: "10.71.0.0/24" },
  },
  "30-flannel.conf": {
    cniVersion: "0.3.1",
    name: "flannel-conf",
    type: "flannel",
    delegate: { isDefaultGateway: true },
  },
  "40-sriov.conf": {
    cniVersion: "0.3.1",
    name: "sriov-conf",
    type: "sriov",
    if0: "enp2s0",
    ipam: {
      type: "host-local",
      subnet: "10.56.217.0/24",
      rangeStart: "10.56.217.171",
      rangeEnd: "10.56.217.181",
      routes: [{ dst: "0.0.0.0/0" }],
      gateway: "10.56.217.1",
    },
  },
  "50-sriov-vlan.conf": {
    cniVersion: "0.3.1",
    name: "sriov-vlanid-l2enable-conf",
    type: "sriov",
    if0: "enp2s0",
    l2enable: true,
    vlan: 210,
  },
};

const SUBNET_ENV = `FLANNEL_NETWORK=10.128.0.0/16
FLANNEL_SUBNET=10.128.0.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=false
`;

/** Addresses that are given. */
const LEDGERS = "find /var/lib/cni/networks -type f -name '10.*'";

const MULTI = "multus-multi-net-poc";
const TAGGED = { ...PLAIN, vlan: 210 };

/** Pods that have one function each, of the network without a VLAN. */
const FIVE = ["one", "two", "three", "four", "five"];
const onePod = (name: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\n  annotations:\n    tke.cloud.tencent.com/networks: sriov-conf\n`;

describe("report B on a card, with a stand-in for TKE's sriov plugin", () => {
  let node: VmNode;

  beforeAll(async () => {
    node = await makeNode({ sriov: "stand-in", conf: await fixture("multus-cni.conf") });
    await node.guest.sh(`cp -L /usr/lib/cni/bridge ${BIN}/tke-bridge`);
    for (const [file, conf] of Object.entries(CONFS))
      await node.guest.write(`${CONF_DIR}/${file}`, JSON.stringify(conf));
    await node.guest.write("/run/flannel/subnet.env", SUBNET_ENV);
    await node.guest.write(`${MANIFESTS}/multi.yaml`, await fixture("pod-multi-network.yaml"));
    await node.guest.write(`${MANIFESTS}/five.yaml`, FIVE.map(onePod).join("---\n"));
    // The card as the gateway of the untagged network, and a host of VLAN 210.
    await node.guest.sh(`ip address add 10.56.217.1/24 dev enp2s0
      ip link add link enp2s0 name enp2s0.210 type vlan id 210 && ip link set enp2s0.210 up
      ip address add 10.210.0.1/24 dev enp2s0.210`);
    await node.plexus.start();
    for (const name of ["multi", ...FIVE]) await node.makeSandbox(name);
  });

  afterAll(async () => {
    await node.stop();
    await node.guest.sh("ip address flush dev enp2s0; ip link delete enp2s0.210");
  });

  it("gives multus-multi-net-poc eth0 of flannel, eth1 with 10.56.217.171 and north", async () => {
    expect(await node.add(MULTI, "multi")).toMatchObject({ status: 0, json: { ip4: { ip: "10.128.0.2/24" } } });
    expect(await node.addresses("multi")).toEqual({
      eth0: "10.128.0.2/24",
      eth1: "10.56.217.171/24",
      north: undefined,
    });
    const mtus = (await node.links("multi")).map(({ ifname, mtu }) => [ifname, mtu]);
    expect(Object.fromEntries(mtus)).toEqual({ eth0: 1450, eth1: 1500, north: 1500 });
    const drivers = await node.guest.sh(
      "ip netns exec multi sh -c 'for i in eth1 north; do basename $(readlink /sys/class/net/$i/device/driver); done'",
    );
    expect(drivers).toBe("igbvf\nigbvf\n");
    expect(JSON.parse(await node.guest.sh(`cat ${RECORDS}/cid-multi.network-status.json`))).toMatchObject([
      { name: "flannel-conf", interface: "eth0", ips: ["10.128.0.2"], default: true },
      { name: "sriov-conf", interface: "eth1", ips: ["10.56.217.171"] },
      { name: "sriov-vlanid-l2enable-conf", interface: "north" },
    ]);
  });

  it("shows VLAN 210 on the card, on the function that is north", async () => {
    expect(await node.card.settings()).toEqual([PLAIN, TAGGED, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN]);
    expect(await node.card.onHost()).toEqual([2, 3, 4, 5, 6]);
  });

  it("reaches each network by its interface, and no other", async () => {
    await node.untilReached("multi", "10.128.0.1");
    await node.untilReached("multi", "10.56.217.1", ["-I", "eth1"]);
    await node.guest.sh("ip -n multi address add 10.210.0.2/24 dev north");
    await node.untilReached("multi", "10.210.0.1", ["-I", "north"]);
    // The same address on the untagged network: the card drops what is of VLAN 210.
    await node.guest.sh("ip -n multi address add 10.56.217.172/24 dev north");
    expect(
      await node.guest.run([
        "ip",
        "netns",
        "exec",
        "multi",
        "ping",
        "-c",
        "2",
        "-W",
        "2",
        "-I",
        "north",
        "10.56.217.1",
      ]),
    ).toMatchObject({ status: 1 });
  });

  it("gives the functions back on DEL, without VLAN", async () => {
    expect(await node.del(MULTI, "multi")).toMatchObject({ status: 0, stdout: "" });
    expect(await node.links("multi")).toEqual([]);
    expect(await node.card.onHost()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(await node.card.settings()).toEqual(Array.from({ length: 7 }, () => PLAIN));
    expect(await node.guest.sh(LEDGERS)).toBe("");
  });

  it("attaches five pods at once to seven functions, each to one of its own", async () => {
    const answers = await Promise.all(FIVE.map((name) => node.add(name)));
    expect(answers.map(({ status, json }) => json["msg"] ?? status)).toEqual([0, 0, 0, 0, 0]);
    expect(await node.card.onHost()).toEqual([5, 6]);
    const addresses = await Promise.all(FIVE.map((name) => node.addresses(name)));
    const numbers = addresses.map(({ eth0 = "" }) => eth0).toSorted();
    // host-local goes on after the last one that it gave.
    expect(numbers).toEqual([172, 173, 174, 175, 176].map((number) => `10.56.217.${number}/24`));
    const deleted = await Promise.all(FIVE.map((name) => node.del(name)));
    expect(deleted.map(({ status }) => status)).toEqual([0, 0, 0, 0, 0]);
    expect(await node.card.onHost()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("gives functions back without VLAN when no daemon ran on DEL and the runtime removed the namespace", async () => {
    expect(await node.add(MULTI, "multi")).toMatchObject({ status: 0 });
    expect(await node.card.settings()).toContainEqual(TAGGED);
    await node.plexus.kill();
    expect(await node.del(MULTI, "multi")).toMatchObject({ status: 0, stdout: "" });
    await node.removeSandbox("multi");
    await node.plexus.start();
    await node.untilDrained();
    await node.card.untilWhole();
    expect(await node.card.settings()).toEqual(Array.from({ length: 7 }, () => PLAIN));
    expect(await node.guest.sh(LEDGERS)).toBe("");
  });

  it("deletes a pod whose namespace is gone, and leaves the VLAN to the command of docs/tke.md", async () => {
    await node.makeSandbox("gone");
    expect(await node.add(MULTI, "gone")).toMatchObject({ status: 0 });
    const number = (await node.card.settings()).findIndex(({ vlan }) => vlan === 210);
    await node.removeSandbox("gone");
    expect(await node.del(MULTI, "gone")).toMatchObject({ status: 0, stdout: "" });
    await node.card.untilWhole();
    expect(await node.guest.sh(LEDGERS)).toBe("");
    await node.guest.sh(`ip link set enp2s0 vf ${number} vlan 0`);
    expect(await node.card.settings()).toEqual(Array.from({ length: 7 }, () => PLAIN));
  });
});
