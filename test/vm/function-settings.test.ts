/**
 * A virtual function comes back as it was, whatever way its pod ends: without VLAN and trust, and
 * with spoof check. Otherwise the next pod gets a function in a foreign network. The plugin is the
 * stand-in of test/vm/plugins/sriov.sh with the rules of later sriov-cni, which the Go module
 * proxy does not serve: it resets a function when it is told a namespace, even one that is gone,
 * and does nothing when it is told none.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PLAIN } from "./card.ts";
import { makeNode, type VmNode } from "./node.ts";
import { giveNetworks, givePods, RUNTIME_CONF, sriovNetwork } from "./pods.ts";

const NETWORK = sriovNetwork("trusted", { vlan: 210, trust: "on", spoofchk: "off" });
const CHANGED = { vlan: 210, trust: true, spoofCheck: false };

describe("the settings of a function, with a stand-in for sriov-cni", () => {
  let node: VmNode;

  beforeAll(async () => {
    node = await makeNode({ sriov: "stand-in", conf: RUNTIME_CONF });
    await giveNetworks(node, [NETWORK]);
    await givePods(
      node,
      ["living", "gone", "spooled"].map((name, index) => ({ name, networks: "trusted", functions: [index + 1] })),
    );
    await node.plexus.start();
  });
  afterAll(() => node.stop());

  it.each([
    {
      way: "DEL",
      pod: "living",
      number: 1,
      end: async () => {
        expect(await node.del("living")).toMatchObject({ status: 0, stdout: "" });
      },
    },
    {
      way: "DEL after its namespace was removed",
      pod: "gone",
      number: 2,
      end: async () => {
        await node.removeSandbox("gone");
        expect(await node.del("gone")).toMatchObject({ status: 0, stdout: "" });
      },
    },
    {
      way: "a DEL while no daemon runs, after which the runtime removes the namespace",
      pod: "spooled",
      number: 3,
      end: async () => {
        await node.plexus.kill();
        expect(await node.del("spooled")).toMatchObject({ status: 0, stdout: "" });
        await node.removeSandbox("spooled");
        await node.plexus.start();
        await node.untilDrained();
      },
    },
  ])("come back as they were by $way", async ({ pod, number, end }) => {
    expect(await node.add(pod)).toMatchObject({ status: 0 });
    expect((await node.card.settings())[number]).toEqual(CHANGED);
    await end();
    await node.card.untilWhole();
    expect((await node.card.settings())[number]).toEqual(PLAIN);
  });
});
