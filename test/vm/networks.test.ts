/** docs/networks.md: pods are attached to every network of the cookbook, as it stands there. */
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { here } from "../node/host.ts";
import { BIN, MANIFESTS } from "../node/plexus.ts";
import { makeNode, type PodLink, type VmNode } from "./node.ts";
import { givePods, RUNTIME_CONF, type VmPod } from "./pods.ts";

const page = await readFile(here("docs/networks.md"), "utf8");
const networks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = ""]) => yaml);

const SUBNET_ENV = `FLANNEL_NETWORK=10.128.0.0/16
FLANNEL_SUBNET=10.128.1.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=false
`;

/**
 * What a pod could leave on the node: interfaces, addresses that are given, the plugins' and the
 * daemon's notes.
 */
const LEFTOVERS = `ip -json link | jq -r '.[].ifname' | grep -v -e '^storage0$' -e '^flannel0$' | sort
find /var/lib/cni /var/lib/plexus/sandboxes -type f ! -name last_reserved_ip.0 ! -name lock`;

const kindOf = (link: PodLink | undefined): string | undefined => link?.linkinfo?.info_kind;

describe("the networks of docs/networks.md", () => {
  let node: VmNode;
  let before: string;

  beforeAll(async () => {
    node = await makeNode({ sriov: "sriov-cni", conf: RUNTIME_CONF });
    await node.guest.sh(`ln -s ${here("test/vm/plugins/bond.sh")} ${BIN}/bond`);
    // Without the interfaces that these modules make of their own accord.
    await node.guest.sh("modprobe dummy numdummies=0; modprobe bonding max_bonds=0; modprobe -a tun vrf");
    await node.guest.write("/run/flannel/subnet.env", SUBNET_ENV);
    await node.guest.write(`${MANIFESTS}/networks.yaml`, networks.join("---\n"));
    await node.plexus.start();
    before = await node.guest.sh(LEFTOVERS);
  });
  afterEach(() => node.guest.sh("ip -all netns delete"));
  afterAll(() => node.stop());

  /**
   * Attaches pods, lets the test look at them, and deletes them: afterwards nothing of them is
   * left.
   */
  async function whileAttached(
    pods: Readonly<Record<string, Omit<VmPod, "name">>>,
    look: () => Promise<void>,
  ): Promise<void> {
    const listed = Object.entries(pods).map(([name, options]) => ({ name, ...options }));
    await givePods(node, listed);
    const deleted: unknown[] = [];
    try {
      for (const { name } of listed) {
        const { status, json } = await node.add(name);
        expect(json["msg"] ?? status).toBe(0);
      }
      await look();
    } finally {
      for (const { name } of listed) {
        const { status, json } = await node.del(name);
        deleted.push(json["msg"] ?? status);
      }
    }
    expect(deleted).toEqual(listed.map(() => 0));
    for (const { name } of listed) expect(await node.links(name)).toEqual([]);
    expect(await node.guest.sh(LEFTOVERS)).toBe(before);
  }

  async function net1Of(pod: string): Promise<PodLink | undefined> {
    return (await node.links(pod)).find(({ ifname }) => ifname === "net1");
  }

  it.each([
    { network: "storage", kind: "veth", first: "10.101.0.2", second: "10.101.0.3" },
    { network: "lan", kind: "macvlan", first: "10.102.0.2", second: "10.102.0.3" },
    { network: "lan-of-one-mac", kind: "ipvlan", first: "10.103.0.2", second: "10.103.0.3" },
    { network: "flannel-conf", kind: "veth", first: "10.128.1.2", second: "10.128.1.3" },
    { network: "point-to-point", kind: "veth", first: "10.107.0.2", second: "10.107.0.3" },
  ])("$network gives two pods an interface of kind $kind each, by which they reach each other", async (row) => {
    const { network, kind, first, second } = row;
    await whileAttached({ a: { networks: network }, b: { networks: network } }, async () => {
      expect([kindOf(await net1Of("a")), kindOf(await net1Of("b"))]).toEqual([kind, kind]);
      expect((await node.addresses("a"))["net1"]).toBe(`${first}/24`);
      await node.untilReached("a", second);
      await node.untilReached("b", first);
    });
  });

  it("vlan-30 gives one pod of the node a VLAN interface, and refuses a second pod", async () => {
    await whileAttached({ a: { networks: "vlan-30" } }, async () => {
      const link = await net1Of("a");
      expect([kindOf(link), link?.linkinfo?.info_data?.["id"]]).toEqual(["vlan", 30]);
      // A virtual function with that port VLAN is a host there.
      await node.guest.sh(`ip link set ${node.card.name} vf 5 vlan 30
        ip netns add peer && ip link set enp2s0v5 netns peer && ip -n peer link set enp2s0v5 up
        ip -n peer address add 10.104.0.100/24 dev enp2s0v5`);
      await node.untilReached("a", "10.104.0.100");
      await node.guest.sh(`ip netns delete peer; ip link set ${node.card.name} vf 5 vlan 0`);
      await node.card.untilWhole();
      await givePods(node, [{ name: "late", networks: "vlan-30" }]);
      expect(await node.add("late")).toMatchObject({
        status: 1,
        json: { msg: expect.stringContaining("file exists") as string },
      });
    });
  });

  it("whole-interface moves an interface of the node into the pod, and back", async () => {
    await whileAttached({ a: { networks: "whole-interface" } }, async () => {
      expect((await node.addresses("a"))["net1"]).toBe("10.105.0.2/24");
      expect(await node.card.onHost()).toEqual([0, 1, 2, 3, 4, 5]);
    });
  });

  it("fast gives a pod a virtual function in VLAN 210", async () => {
    await whileAttached({ a: { networks: "fast", functions: [3] } }, async () => {
      expect((await node.addresses("a"))["net1"]).toBe("10.106.0.2/24");
      expect((await node.card.settings())[3]).toMatchObject({ vlan: 210 });
    });
  });

  it("for-a-guest gives a pod a tap interface", async () => {
    await whileAttached({ a: { networks: "for-a-guest" } }, async () => {
      const link = await net1Of("a");
      expect([kindOf(link), link?.linkinfo?.info_data?.["type"]]).toEqual(["tun", "tap"]);
      expect((await node.addresses("a"))["net1"]).toBe("10.108.0.2/24");
    });
  });

  it("addresses-only gives a pod a dummy interface", async () => {
    await whileAttached({ a: { networks: "addresses-only" } }, async () => {
      expect(kindOf(await net1Of("a"))).toBe("dummy");
      expect((await node.addresses("a"))["net1"]).toBe("10.109.0.2/32");
    });
  });

  it("apart gives two pods macvlan in a VRF, by which they reach each other", async () => {
    await whileAttached({ a: { networks: "apart" }, b: { networks: "apart" } }, async () => {
      const link = await net1Of("a");
      expect([kindOf(link), link?.master]).toEqual(["macvlan", "blue"]);
      await node.untilReached("a", "10.110.0.3", ["-I", "blue"]);
    });
  });

  it("both-legs gives a pod a bond of two virtual functions, and takes it away before them", async () => {
    await whileAttached({ a: { networks: "leg, leg, both-legs", functions: [1, 2] } }, async () => {
      const links = await node.links("a");
      const bond = links.find(({ ifname }) => ifname === "net3");
      expect([kindOf(bond), bond?.linkinfo?.info_data?.["mode"]]).toEqual(["bond", "active-backup"]);
      expect(links.filter(({ master }) => master === "net3").map(({ ifname }) => ifname)).toEqual(["net1", "net2"]);
      expect((await node.addresses("a"))["net3"]).toBe("10.111.0.2/24");
      expect(await node.card.onHost()).toEqual([0, 3, 4, 5, 6]);
    });
  });

  it("attaches fifty pods to ipvlan, of which each reaches the next", async () => {
    const names = Array.from({ length: 50 }, (_, index) => `many-${index}`);
    await givePods(
      node,
      names.map((name) => ({ name, defaultNetwork: "default/lan-of-one-mac" })),
    );
    const answers = await Promise.all(names.map((name) => node.add(name)));
    expect(answers.map(({ status, json }) => json["msg"] ?? status)).toEqual(names.map(() => 0));
    const addresses = await Promise.all(
      names.map(async (name) => (await node.addresses(name))["eth0"]?.replace("/24", "") ?? name),
    );
    expect(new Set(addresses).size).toBe(50);
    for (const [index, name] of names.entries()) {
      await node.untilReached(name, addresses[(index + 1) % 50] ?? name);
    }
    const deleted = await Promise.all(names.map((name) => node.del(name)));
    expect(deleted.map(({ status, json }) => json["msg"] ?? status)).toEqual(names.map(() => 0));
    expect(await node.guest.sh(LEFTOVERS)).toBe(before);
  }, 900_000);
});
