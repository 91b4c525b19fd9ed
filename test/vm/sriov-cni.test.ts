/**
 * sriov-cni itself on a card, in version 2.1.0, the newest that the Go module proxy serves. Pods
 * get their functions as the kubelet's checkpoint says that a device plugin gave them.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PLAIN } from "./card.ts";
import { makeNode, type VmNode } from "./node.ts";
import { giveNetworks, givePods, RUNTIME_CONF, sriovNetwork } from "./pods.ts";

const ipam = (rangeStart: string): object => ({ type: "host-local", subnet: "10.9.0.0/24", rangeStart });
const NETWORKS = [
  sriovNetwork("north", { vlan: 210, ipam: ipam("10.9.0.10") }),
  sriovNetwork("plain", { ipam: ipam("10.9.0.20") }),
];
const TAGGED = { ...PLAIN, vlan: 210 };

/** Functions as the device plugin gives them: in no order. */
const PODS = [
  { name: "north-a", networks: "north", functions: [4] },
  { name: "north-b", networks: "north", functions: [1] },
  { name: "plain-a", networks: "plain", functions: [6] },
  { name: "plain-b", networks: "plain", functions: [0] },
  { name: "plain-c", networks: "plain", functions: [3] },
];
const NORTH = ["north-a", "north-b"];
const ALL_ON_HOST = [0, 1, 2, 3, 4, 5, 6];

describe("sriov-cni 2.1.0 on a card", () => {
  let node: VmNode;
  const addressOf: Record<string, string> = {};

  beforeAll(async () => {
    node = await makeNode({ sriov: "sriov-cni", conf: RUNTIME_CONF });
    await giveNetworks(node, NETWORKS);
    await givePods(node, PODS);
    await node.plexus.start();
  });
  afterAll(() => node.stop());

  it("attaches five pods at once to seven functions, each to the one that is its own", async () => {
    const answers = await Promise.all(PODS.map(({ name }) => node.add(name)));
    expect(answers.map(({ status, json }) => json["msg"] ?? status)).toEqual([0, 0, 0, 0, 0]);
    expect(await node.card.onHost()).toEqual([2, 5]);
    for (const { name } of PODS) {
      const { net1 = "" } = await node.addresses(name);
      addressOf[name] = net1.replace("/24", "");
    }
    expect(Object.values(addressOf).toSorted()).toEqual([
      ...["10.9.0.10", "10.9.0.11"],
      ...["10.9.0.20", "10.9.0.21", "10.9.0.22"],
    ]);
    const devices = await Promise.all(
      PODS.map(({ name }) =>
        node.guest.sh(`ip netns exec ${name} sh -c 'basename $(readlink /sys/class/net/net1/device)'`),
      ),
    );
    expect(devices.map((device) => device.trim())).toEqual(
      PODS.map(({ functions: [number = 0] }) => node.card.functions[number]),
    );
  });

  it("shows VLAN 210 on the functions of network north alone", async () => {
    expect(await node.card.settings()).toEqual([PLAIN, TAGGED, PLAIN, PLAIN, TAGGED, PLAIN, PLAIN]);
  });

  it.each([
    ["north-a", "north-b"],
    ["north-b", "north-a"],
    ["plain-a", "plain-b"],
    ["plain-b", "plain-a"],
  ])("lets %s reach %s, which is on the same network", async (from, to) => {
    await node.untilReached(from, addressOf[to] ?? "no address", ["-I", "net1"]);
  });

  it.each([
    ["north-a", "plain-a"],
    ["plain-a", "north-a"],
    ["north-b", "plain-b"],
    ["plain-b", "north-b"],
  ])("keeps %s from %s, which is in another VLAN", async (from, to) => {
    const target = addressOf[to] ?? expect.fail(`${to} has no address`);
    const ping = ["ip", "netns", "exec", from, "ping", "-c", "2", "-W", "2", "-I", "net1", target];
    expect(await node.guest.run(ping)).toMatchObject({ status: 1 });
  });

  it("gives a function back on DEL, without VLAN", async () => {
    expect(await node.del("north-a")).toMatchObject({ status: 0, stdout: "" });
    expect(await node.card.onHost()).toEqual([2, 4, 5]);
    expect((await node.card.settings())[4]).toEqual(PLAIN);
  });

  it("gives the others back when all are deleted at once", async () => {
    const rest = PODS.filter(({ name }) => name !== "north-a");
    const answers = await Promise.all(rest.map(({ name }) => node.del(name)));
    expect(answers.map(({ status, json }) => json["msg"] ?? status)).toEqual([0, 0, 0, 0]);
    expect(await node.card.onHost()).toEqual(ALL_ON_HOST);
    expect(await node.card.settings()).toEqual(ALL_ON_HOST.map(() => PLAIN));
  });

  it("gives functions back that were deleted while no daemon ran, though the runtime removed the namespaces", async () => {
    for (const name of NORTH) expect(await node.add(name)).toMatchObject({ status: 0 });
    await node.plexus.kill();
    for (const name of NORTH) {
      expect(await node.del(name)).toMatchObject({ status: 0, stdout: "" });
      await node.removeSandbox(name);
    }
    await node.plexus.start();
    await node.untilDrained();
    await node.card.untilWhole();
    expect(await node.card.settings()).toEqual(ALL_ON_HOST.map(() => PLAIN));
  });
});
