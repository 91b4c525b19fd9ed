/** Report B: a node of TKE's fork of Multus taken over with its own network config, confs and pods, as the user wrote them. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { here, type Host, makeHost } from "../host.ts";
import { BIN, makePlexus, MANIFESTS, type Plexus, podArgs, RECORDS } from "../plexus.ts";

const fixture = (name: string): Promise<string> => readFile(here("test/fixtures/report-b", name), "utf8");

const CONF_DIR = "/etc/cni/net.d/multus";

/** A conf of the bridge plugin under another name. */
function bridge(name: string, type: string, number: number, more: object = {}): string {
  return JSON.stringify({
    cniVersion: "0.3.1",
    name,
    type,
    bridge: `br${number}`,
    isGateway: true,
    ...more,
    ipam: { type: "host-local", subnet: `10.${number}.0.0/24` },
  });
}

const CONFS: Readonly<Record<string, string>> = {
  "10-tke-bridge.conf": bridge("tke-bridge", "tke-bridge", 71),
  "20-tke-route.conf": bridge("tke-route", "tke-route", 72),
  "30-flannel.conflist": JSON.stringify({
    cniVersion: "0.3.1",
    name: "flannel-conf",
    plugins: [{ type: "flannel", delegate: { isDefaultGateway: true } }, { type: "tuning" }],
  }),
  "40-sriov.conf": bridge("sriov-conf", "sriov", 74),
  "50-sriov-vlan.json": bridge("sriov-vlanid-l2enable-conf", "sriov", 75),
};

const SUBNET_ENV = `FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=10.244.0.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=false
`;

const PLAIN_POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: plain\n";

/** What the host has that a pod could leave behind. */
const LEFTOVERS = `
ip -o link | sed 's/@.*//' | awk '{print $2}' | grep -v -e '^lo' -e '^br7' -e '^cni0' || true
find /var/lib/cni ${RECORDS} -type f ! -name last_reserved_ip.0 ! -name lock 2>/dev/null || true`;

interface Address {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string; readonly family: string }[];
}

describe.skipIf(process.getuid?.() !== 0)("report B", () => {
  let host: Host;
  let plexus: Plexus;
  let conf: string;

  beforeAll(async () => {
    host = await makeHost();
    plexus = await makePlexus(host, { LogLevel: "debug", LogFile: "/run/log/multus.log" });
    for (const type of ["tke-bridge", "tke-route", "sriov"]) await host.sh(`cp -L /usr/lib/cni/bridge ${BIN}/${type}`);
    for (const [file, text] of Object.entries(CONFS)) await host.write(`${CONF_DIR}/${file}`, text);
    await host.write("/run/flannel/subnet.env", SUBNET_ENV);
    await host.write(`${MANIFESTS}/multi.yaml`, await fixture("pod-multi-network.yaml"));
    await host.write(`${MANIFESTS}/sample.yaml`, await fixture("pod-tke-bridge.yaml"));
    await host.write(`${MANIFESTS}/plain.yaml`, PLAIN_POD);
    conf = await fixture("multus-cni.conf");
    await plexus.start();
    await host.sh("for pod in sample plain eni multi; do ip netns add $pod && ip -n $pod link set lo up; done");
  });

  afterAll(async () => {
    await plexus.terminate();
    await host.stop();
  });

  const call = (verb: string, pod: string, netns: string) => ({
    verb,
    containerId: `cid-${netns}`,
    netns: `/run/netns/${netns}`,
    args: podArgs(pod),
    conf,
  });
  /** The IPv4 address of each interface but lo. */
  const addresses = async (netns: string): Promise<unknown> => {
    const links = JSON.parse(await host.sh(`ip -n ${netns} -4 -json addr`)) as readonly Address[];
    return Object.fromEntries(
      links.filter(({ ifname }) => ifname !== "lo").map(({ ifname, addr_info: [first] }) => [ifname, first?.local]),
    );
  };
  const status = async (netns: string): Promise<unknown> =>
    JSON.parse(await host.sh(`cat ${RECORDS}/cid-${netns}.network-status.json`));

  it("gives samplepod eth0 from tke-bridge, and answers with it", async () => {
    expect(await plexus.cni(call("ADD", "samplepod", "sample"))).toMatchObject({
      status: 0,
      json: { ip4: { ip: "10.71.0.2/24", gateway: "10.71.0.1" } },
    });
    expect(await addresses("sample")).toEqual({ eth0: "10.71.0.2" });
    expect(await status("sample")).toMatchObject([{ name: "tke-bridge", interface: "eth0", default: true }]);
    await host.sh("ip netns exec sample ping -c 1 -W 2 10.71.0.1");
  });

  it("gives a pod without an annotation eth0 from defaultDelegates (T1)", async () => {
    expect(await plexus.cni(call("ADD", "plain", "plain"))).toMatchObject({ status: 0 });
    expect(await addresses("plain")).toEqual({ eth0: "10.71.0.3" });
    await host.sh("ip netns exec plain ping -c 1 -W 2 10.71.0.2");
  });

  it("gives it both where there are two default ones, as TKE's cards have it (T2)", async () => {
    const eni = conf.replace('"tke-bridge"', '"tke-bridge,tke-route"');
    expect(await plexus.cni({ ...call("ADD", "plain", "eni"), conf: eni })).toMatchObject({
      status: 0,
      json: { ip4: { ip: "10.71.0.4/24" } },
    });
    expect(await addresses("eni")).toEqual({ eth0: "10.71.0.4", eth1: "10.72.0.2" });
    await host.sh("ip netns exec eni ping -c 1 -W 2 10.72.0.1");
  });

  it("gives multus-multi-net-poc the three networks of its annotation, and no other (T4, T7)", async () => {
    expect(await plexus.cni(call("ADD", "multus-multi-net-poc", "multi"))).toMatchObject({
      status: 0,
      json: { ip4: { ip: "10.244.0.2/24" } },
    });
    expect(await addresses("multi")).toEqual({ eth0: "10.244.0.2", eth1: "10.74.0.2", north: "10.75.0.2" });
    expect(await status("multi")).toMatchObject([
      { name: "flannel-conf", interface: "eth0", ips: ["10.244.0.2"], default: true },
      { name: "sriov-conf", interface: "eth1", ips: ["10.74.0.2"] },
      { name: "sriov-vlanid-l2enable-conf", interface: "north", ips: ["10.75.0.2"] },
    ]);
    for (const gateway of ["10.244.0.1", "10.74.0.1", "10.75.0.1"]) {
      await host.sh(`ip netns exec multi ping -c 1 -W 2 ${gateway}`);
    }
  });

  it("fails a DEL whose plugin is gone, keeps what it owes, and does that when asked again (T34, T35)", async () => {
    await plexus.kill();
    await host.sh(`mv ${BIN}/sriov /run/sriov && rm ${CONF_DIR}/* ${MANIFESTS}/multi.yaml`);
    await plexus.start();
    expect(await plexus.cni(call("DEL", "multus-multi-net-poc", "multi"))).toMatchObject({
      status: 1,
      json: { code: 104, msg: expect.stringContaining("sriov-vlanid-l2enable-conf") as string },
    });
    expect(await addresses("multi")).toEqual({ eth1: "10.74.0.2", north: "10.75.0.2" });
    await host.sh(`mv /run/sriov ${BIN}/sriov`);
    expect(await plexus.cni(call("DEL", "multus-multi-net-poc", "multi"))).toMatchObject({ status: 0, stdout: "" });
    expect(await addresses("multi")).toEqual({});
  });

  it("leaves nothing of any of them, and a second DEL succeeds (T33)", async () => {
    for (const [pod, netns] of [
      ["samplepod", "sample"],
      ["plain", "plain"],
      ["plain", "eni"],
    ] as const) {
      expect(await plexus.cni(call("DEL", pod, netns))).toMatchObject({ status: 0, stdout: "" });
      expect(await plexus.cni(call("DEL", pod, netns))).toMatchObject({ status: 0, stdout: "" });
    }
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("logged to the file that the fork's key names, too (T30)", async () => {
    const lines = (await host.sh("cat /run/log/multus.log")).trimEnd().split("\n");
    const logged = lines.map((line) => JSON.parse(line) as { readonly op?: string; readonly msg?: string });
    expect(logged.filter(({ op, msg }) => op === "ADD" && msg === "done")).toHaveLength(4);
  });
});
