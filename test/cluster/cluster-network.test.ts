/**
 * A default network that is a conflist of its own, of a bridge with ranges of addresses. Upstream's ADD works there and its DEL fails, for
 * the conf that it kept has lost the plugin's keys: the pod never ends and its address is never free.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { NET_D } from "./components.ts";
import { CONF } from "./plexus.ts";
import { network, openSite, pod, type Site } from "./site.ts";

/** Where networks are looked for by name. */
const CONF_DIR = "/etc/cni/multus/net.d";

const RANGES = {
  cniVersion: "0.4.0",
  name: "ranges",
  plugins: [
    {
      type: "bridge",
      bridge: "br-ranges",
      isGateway: true,
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "10.93.0.0/24", rangeStart: "10.93.0.100", rangeEnd: "10.93.0.110" }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

describe("a default network of bridge and ranges", () => {
  let site: Site;

  beforeAll(async () => {
    site = openSite();
    for (const directory of [NET_D, CONF_DIR]) {
      await site.machine.write(`${directory}/10-ranges.conflist`, JSON.stringify(RANGES));
    }
  });
  afterEach(() => site.clear());
  afterAll(async () => {
    await site.machine.sh(`rm ${NET_D}/10-ranges.conflist ${CONF_DIR}/10-ranges.conflist`);
    await site.useOwnConf();
  });

  it.each([
    { why: "by the name in its file", clusterNetwork: "ranges" },
    { why: "by its file's path", clusterNetwork: `${NET_D}/10-ranges.conflist` },
    { why: "by the name of a NAD in kube-system", clusterNetwork: "of-the-cluster" },
  ])("named $why is attached, and freed when the pod goes", async ({ clusterNetwork }) => {
    await site.useConf("00-plexus.conf", JSON.stringify({ ...CONF, delegates: undefined, clusterNetwork }));
    await site.apply(
      network("of-the-cluster", { ...RANGES, name: "ranges" }, "kube-system"),
      pod("one", { hostPort: 8081 }),
    );
    await site.ready("one");
    expect(await site.addresses("one")).toEqual({ eth0: expect.stringMatching(/^10\.93\.0\.1\d\d\/24$/) });
    expect(await site.leases("ranges")).toHaveLength(1);
    await site.kubectl("delete", "pod", "one", "--timeout=60s");
    expect(await site.leases("ranges")).toEqual([]);
    await site.nothingLeft();
  });
});
