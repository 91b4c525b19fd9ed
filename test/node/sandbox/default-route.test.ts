/** default-route in the pod's annotation, with real bridges: which way packets go, and what is left when it cannot be done. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Host, makeHost } from "../host.ts";
import { makePlexus, MANIFESTS, type Plexus, podArgs, RECORDS } from "../plexus.ts";

/** Of the router on the second bridge. */
const GATEWAY = "10.1.1.254";
const GATEWAY6 = "fd01::fe";

/** Only the router knows the way. */
const BEYOND = "203.0.113.7";

const bridge = (name: string, ...subnets: readonly string[]) => ({
  cniVersion: "1.0.0",
  name,
  type: "bridge",
  bridge: name,
  isDefaultGateway: true,
  ipam: { type: "host-local", ranges: subnets.map((subnet) => [{ subnet }]) },
});

const CONF = JSON.stringify({
  cniVersion: "1.0.0",
  name: "plexus",
  type: "plexus",
  delegates: [bridge("first", "10.85.0.0/24", "fd85::/64")],
});

const nad = {
  apiVersion: "k8s.cni.cncf.io/v1",
  kind: "NetworkAttachmentDefinition",
  metadata: { name: "second" },
  // The default network's bridge brings default routes, this one does not.
  spec: { config: JSON.stringify({ ...bridge("second", "10.1.1.0/24", "fd01::/64"), isDefaultGateway: false }) },
};

const pod = (name: string, ...defaultRoutes: readonly (readonly string[])[]) => {
  const selections = defaultRoutes.map((gateways) => ({ name: "second", "default-route": gateways }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, annotations: { "k8s.v1.cni.cncf.io/networks": JSON.stringify(selections) } },
  };
};

/** What pods could leave on the host: interfaces, addresses handed out, records. */
const TRACES = `
ip -o link show type veth | grep -v router || true
find /var/lib/cni ${RECORDS} -type f ! -name 'last_reserved_ip.*' ! -name lock 2>/dev/null || true`;

describe.skipIf(process.getuid?.() !== 0)("default-route", () => {
  let host: Host;
  let plexus: Plexus;

  beforeAll(async () => {
    host = await makeHost();
    plexus = await makePlexus(host);
    const manifests = [
      nad,
      pod("routed", [GATEWAY]),
      pod("both", [GATEWAY, GATEWAY6]),
      pod("cut-off", []),
      pod("lost", ["10.9.9.9"]),
      pod("torn", [GATEWAY], ["10.1.1.253"]),
    ];
    await host.write(`${MANIFESTS}/all.yaml`, manifests.map((one) => JSON.stringify(one)).join("\n---\n"));
    await plexus.start();
    await host.sh(`
      ip link add second type bridge && ip link set second up
      ip netns add router
      ip link add router type veth peer name lan netns router && ip link set router master second up
      ip -n router link set lo up && ip -n router link set lan up
      ip -n router addr add ${GATEWAY}/24 dev lan && ip -n router addr add ${GATEWAY6}/64 dev lan nodad
      ip -n router addr add ${BEYOND}/32 dev lo
      for pod in routed both cut-off lost torn; do ip netns add $pod; done`);
  });

  afterAll(async () => {
    await plexus.terminate();
    await host.stop();
  });

  const cni = (verb: string, name: string) =>
    plexus.cni({ verb, containerId: `sandbox-${name}`, netns: `/run/netns/${name}`, args: podArgs(name), conf: CONF });

  /** `<gateway> <interface>` of each default route. */
  const defaults = async (name: string, family: 4 | 6): Promise<readonly string[]> => {
    const printed = await host.sh(`ip -n ${name} -${family} -json route show default`);
    const routes = JSON.parse(printed) as { gateway: string; dev: string }[];
    return routes.map(({ gateway, dev }) => `${gateway} ${dev}`);
  };

  const gateways = async (name: string): Promise<unknown> => {
    const text = await host.sh(`cat ${RECORDS}/sandbox-${name}.network-status.json`);
    return (JSON.parse(text) as { gateway?: unknown }[]).map(({ gateway }) => gateway);
  };

  describe("of an IPv4 gateway", () => {
    it("gives the pod exactly one IPv4 default route, by way of net1, and leaves IPv6 alone (T215)", async () => {
      expect(await cni("ADD", "routed")).toMatchObject({ status: 0 });
      expect(await defaults("routed", 4)).toEqual([`${GATEWAY} net1`]);
      expect(await defaults("routed", 6)).toEqual(["fd85::1 eth0"]);
    });

    it("sends packets that way", async () => {
      const sent = async () =>
        Number(await host.sh("ip netns exec routed cat /sys/class/net/net1/statistics/tx_packets"));
      expect(await host.sh(`ip -n routed route get ${BEYOND}`)).toContain(`via ${GATEWAY} dev net1 `);
      const before = await sent();
      await host.sh(`ip netns exec routed ping -c 3 -i 0.2 -W 2 ${BEYOND}`);
      expect(await sent()).toBeGreaterThanOrEqual(before + 3);
    });

    it("is what the network status shows", async () => {
      expect(await gateways("routed")).toEqual([["fd85::1"], [GATEWAY]]);
    });

    it("stands CHECK, and leaves nothing after DEL", async () => {
      expect(await cni("CHECK", "routed")).toMatchObject({ status: 0, stdout: "" });
      expect(await cni("DEL", "routed")).toMatchObject({ status: 0, stdout: "" });
      expect(await host.sh("ip -n routed -o link | awk '{print $2}'; ip -n routed route")).toBe("lo:\n");
      expect(await host.sh(TRACES)).toBe("");
    });
  });

  it.each([
    { why: "gateways of both families", name: "both", v4: [`${GATEWAY} net1`], v6: [`${GATEWAY6} net1`] },
    { why: "no gateway at all", name: "cut-off", v4: [], v6: [] },
  ])("of $why stands CHECK, and leaves nothing after DEL (T212, T213)", async ({ name, v4, v6 }) => {
    expect(await cni("ADD", name)).toMatchObject({ status: 0 });
    expect({ v4: await defaults(name, 4), v6: await defaults(name, 6) }).toEqual({ v4, v6 });
    expect(await cni("CHECK", name)).toMatchObject({ status: 0, stdout: "" });
    expect(await cni("DEL", name)).toMatchObject({ status: 0, stdout: "" });
    expect(await host.sh(TRACES)).toBe("");
  });

  it("of a gateway that cannot be reached fails the ADD, and leaves the sandbox as it was (T217)", async () => {
    await host.sh(`ip -n lost link add wan0 type veth peer name wan1 && ip -n lost link set wan1 up
      ip -n lost addr add 10.7.0.2/24 dev wan0 && ip -n lost link set wan0 up
      ip -n lost route add default via 10.7.0.1 dev wan0 metric 500 proto static mtu 1400`);
    const before = await host.sh("ip -n lost -4 route");
    expect(await cni("ADD", "lost")).toMatchObject({
      status: 1,
      json: {
        code: 7,
        msg: expect.stringContaining("error setting default gateway: 10.9.9.9 by way of interface net1") as string,
        details: expect.stringContaining("must be in a subnet of net1") as string,
      },
    });
    expect(await host.sh("ip -n lost -4 route")).toBe(before);
    expect(await host.sh("ip -n lost -o link show | grep -c -e eth0 -e net1 || true")).toBe("0\n");
    expect(await host.sh(TRACES)).toBe("");
  });

  it("of two gateways over two networks is refused before anything runs (T214)", async () => {
    expect(await cni("ADD", "torn")).toMatchObject({
      status: 1,
      json: { code: 7, msg: expect.stringContaining("multus does not support ECMP for default-route") as string },
    });
    const adds = plexus.log.filter(({ sandbox, op }) => sandbox === "sandbox-torn" && op === "ADD");
    expect(adds).toMatchObject([{ plugins: [] }]);
    expect(await host.sh(TRACES)).toBe("");
  });
});
