/** What a pod may ask for, and what it gets. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { bridgeNetwork, DEFAULT_NETWORK, NETWORKS, openSite, pod, type Site } from "./site.ts";

describe("a pod's networks", () => {
  let site: Site;

  beforeAll(() => {
    site = openSite();
  });
  afterEach(() => site.clear());

  it("without an annotation is on the default network alone, and reaches others there", async () => {
    await site.apply(pod("one"), pod("two"));
    await site.ready("one", "two");
    const [one, two] = [await site.addresses("one"), await site.addresses("two")];
    expect(one).toEqual({ eth0: expect.stringMatching(/^10\.85\..*\/16$/) });
    await site.ping("one", two["eth0"]);
    expect(await site.networkStatus("one")).toMatchObject([{ name: "pods", interface: "eth0", default: true }]);
  });

  it.each([
    { why: "in the short form", networks: "blue, default/red@data0" },
    {
      why: "in the JSON form",
      networks: JSON.stringify([{ name: "blue" }, { name: "red", namespace: "default", interface: "data0" }]),
    },
  ])("are asked for $why", async ({ networks }) => {
    const annotations = { [NETWORKS]: networks };
    await site.apply(bridgeNetwork("blue", 91), bridgeNetwork("red", 92));
    await site.apply(pod("one", { annotations }), pod("two", { annotations }));
    await site.ready("one", "two");
    const [one, two] = [await site.addresses("one"), await site.addresses("two")];
    expect(Object.keys(one)).toEqual(["eth0", "net1", "data0"]);
    await site.ping("one", two["net1"]);
    await site.ping("two", one["data0"]);
    expect(await site.networkStatus("one")).toMatchObject([
      { name: "pods", interface: "eth0", default: true },
      { name: "default/blue", interface: "net1", ips: [one["net1"]?.split("/")[0]] },
      { name: "default/red", interface: "data0", ips: [one["data0"]?.split("/")[0]] },
    ]);
    expect(await site.events("one")).toContainEqual(expect.stringMatching(/^AddedInterface: .*eth0.*net1.*data0/s));
    expect(await site.leases("blue")).toHaveLength(2);
  });

  it("take what the JSON form says of addresses into the pod", async () => {
    const networks = JSON.stringify([{ name: "blue", ips: ["10.91.0.77/24"], mac: "02:00:00:00:00:77" }]);
    const config = {
      cniVersion: "1.0.0",
      name: "blue",
      plugins: [
        {
          type: "bridge",
          bridge: "br-blue",
          capabilities: { ips: true, mac: true },
          ipam: { type: "static" },
        },
      ],
    };
    await site.apply(
      { ...bridgeNetwork("blue", 91), spec: { config: JSON.stringify(config) } },
      pod("one", { annotations: { [NETWORKS]: networks } }),
    );
    await site.ready("one");
    expect(await site.addresses("one")).toMatchObject({ net1: "10.91.0.77/24" });
    expect(await site.networkStatus("one")).toMatchObject([{}, { mac: "02:00:00:00:00:77", ips: ["10.91.0.77"] }]);
  });

  it("may have another default one", async () => {
    await site.apply(bridgeNetwork("blue", 91), pod("one", { annotations: { [DEFAULT_NETWORK]: "default/blue" } }));
    await site.ready("one");
    expect(await site.addresses("one")).toEqual({ eth0: expect.stringMatching(/^10\.91\.0\.\d+\/24$/) });
    expect(await site.networkStatus("one")).toMatchObject([{ name: "default/blue", interface: "eth0", default: true }]);
  });

  it("answer on the host ports that the pod's manifest asks for", async () => {
    await site.apply(pod("one", { hostPort: 8080 }));
    await site.ready("one");
    expect(await site.machine.sh("iptables-save -t nat")).toMatch(/--dport 8080 -j DNAT --to-destination 10\.85\./);
  });

  it("that do not exist keep it from starting, and it says so, until they do", async () => {
    await site.apply(pod("one", { annotations: { [NETWORKS]: "blue" } }));
    await site.event("one", /NoNetworkFound: .*blue/);
    await site.apply(bridgeNetwork("blue", 91));
    await site.ready("one");
    expect(Object.keys(await site.addresses("one"))).toEqual(["eth0", "net1"]);
  });
});
