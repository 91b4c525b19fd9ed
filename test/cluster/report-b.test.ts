/** Report B: a node of TKE's fork of Multus, with the user's own network config and pods. Plugins of the cloud's have the bridge stand in. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BIN, NET_D } from "./components.ts";
import { fixture, userPod } from "./reports.ts";
import { openSite, pod, type Site } from "./site.ts";

const NETWORKS_STATUS = "tke.cloud.tencent.com/networks-status";
const CONF_DIR = `${NET_D}/multus`;

/** A conf of the bridge plugin under another name, with the addresses 10.<number>.0.0/24. */
const bridge = (name: string, type: string, number: number): object => ({
  cniVersion: "0.3.1",
  name,
  type,
  bridge: `br${number}`,
  isGateway: true,
  ipam: { type: "host-local", subnet: `10.${number}.0.0/24` },
});

const CONFS: Readonly<Record<string, object>> = {
  "10-tke-bridge.conf": bridge("tke-bridge", "tke-bridge", 71),
  "30-flannel.conf": {
    cniVersion: "0.3.1",
    name: "flannel-conf",
    type: "flannel",
    delegate: { isDefaultGateway: true },
  },
  "40-sriov.conf": bridge("sriov-conf", "sriov", 74),
  "50-sriov-vlan.json": bridge("sriov-vlanid-l2enable-conf", "sriov", 75),
};

describe("report B", () => {
  let site: Site;

  beforeAll(async () => {
    site = openSite();
    await site.machine.sh(
      `for type in tke-bridge sriov; do cp -L --remove-destination /usr/lib/cni/bridge ${BIN}/$type; done`,
    );
    await site.machine.write("/run/flannel/subnet.env", await fixture("report-a", "subnet.env"));
    for (const [file, conf] of Object.entries(CONFS)) {
      await site.machine.write(`${CONF_DIR}/${file}`, JSON.stringify(conf));
    }
    await site.useConf("00-multus.conf", await fixture("report-b", "multus-cni.conf"));
  });
  afterEach(() => site.clear());
  afterAll(async () => {
    await site.machine.sh(`rm -r ${CONF_DIR}`);
    await site.useOwnConf();
  });

  it("gives each pod the networks that its annotation names, and tke-bridge to one without", async () => {
    await site.apply(
      await userPod(site, "report-b", "pod-tke-bridge.yaml"),
      await userPod(site, "report-b", "pod-multi-network.yaml"),
      pod("plain"),
    );
    await site.ready("samplepod", "multus-multi-net-poc", "plain");
    const [sample, multi] = [await site.addresses("samplepod"), await site.addresses("multus-multi-net-poc")];
    expect(sample).toEqual({ eth0: expect.stringMatching(/^10\.71\./) });
    expect(await site.addresses("plain")).toEqual({ eth0: expect.stringMatching(/^10\.71\./) });
    expect(multi).toEqual({
      eth0: expect.stringMatching(/^10\.244\./),
      eth1: expect.stringMatching(/^10\.74\./),
      north: expect.stringMatching(/^10\.75\./),
    });
    await site.ping("plain", sample["eth0"]);
    const { [NETWORKS_STATUS]: status = "[]" } = await site.annotations("multus-multi-net-poc");
    expect(JSON.parse(status)).toMatchObject([
      { name: "flannel-conf", interface: "eth0" },
      { name: "sriov-conf", interface: "eth1" },
      { name: "sriov-vlanid-l2enable-conf", interface: "north" },
    ]);
  });
});
