/** Networks given by name and by path, two flannels in one pod: what upstream is known to lose on DEL. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Host, makeHost } from "../host.ts";
import { makePlexus, MANIFESTS, type Plexus, podArgs, RECORDS } from "../plexus.ts";

const CID = "c0ffee";

const BRIDGE_LIST = JSON.stringify({
  cniVersion: "0.4.0",
  name: "cluster",
  plugins: [
    {
      type: "bridge",
      bridge: "cbr0",
      isGateway: true,
      ipam: { type: "host-local", ranges: [[{ subnet: "10.86.0.0/24" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
  ],
});

const FLANNEL = '{"cniVersion":"0.3.0","type":"flannel"}';

const nad = (name: string, config: string): string =>
  JSON.stringify({
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name, namespace: "kube-system" },
    spec: { config },
  });
const pod = (name: string, annotations: Readonly<Record<string, string>>): string =>
  JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name, annotations } });

const conf = (clusterNetwork: string, more: object = {}): string =>
  JSON.stringify({ cniVersion: "0.4.0", name: "plexus", type: "plexus", clusterNetwork, ...more });

const LEFTOVERS = `
ip -n pod -o link | awk '{print $2}' | grep -v '^lo' || true
find /var/lib/cni ${RECORDS} -type f ! -name 'last_reserved_ip.0' ! -name lock 2>/dev/null || true`;

describe.skipIf(process.getuid?.() !== 0)("networks of the cluster", () => {
  let host: Host;
  let plexus: Plexus;

  beforeAll(async () => {
    host = await makeHost();
    plexus = await makePlexus(host);
    await host.write(
      "/run/flannel/subnet.env",
      "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.0.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
    );
    await host.write("/etc/cni/multus/net.d/10-cluster.conflist", BRIDGE_LIST);
    await host.write(
      "/etc/cni/multus/net.d/cluster/sysctl.conf",
      '{"type":"tuning","sysctl":{"net.ipv4.conf.IFNAME.arp_filter":"1"}}',
    );
    const manifests = [
      nad("flannel-one", FLANNEL),
      nad("flannel-two", FLANNEL),
      nad("nothing-but-a-name", ""),
      pod("plain", {}),
      pod("flannels", { "k8s.v1.cni.cncf.io/networks": "kube-system/flannel-one,kube-system/flannel-two" }),
      pod("own", { "v1.multus-cni.io/default-network": "flannel-one" }),
    ];
    await host.write(`${MANIFESTS}/all.yaml`, manifests.join("\n---\n"));
    await plexus.start();
  });
  afterAll(async () => {
    await plexus.terminate();
    await host.stop();
  });
  beforeEach(() => host.sh("ip netns add pod && ip -n pod link set lo up"));
  afterEach(() => host.sh("ip netns del pod"));

  const call = (verb: string, name: string, config: string) => ({
    verb,
    containerId: CID,
    netns: "/run/netns/pod",
    args: podArgs(name),
    conf: config,
  });

  it.each([
    {
      why: "a conflist by its path, with what is chained beside it (T083, T175)",
      network: "/etc/cni/multus/net.d/10-cluster.conflist",
      ran: ["bridge", "tuning"],
    },
    { why: "the name inside a file (T163)", network: "cluster", ran: ["bridge"] },
    { why: "a directory (T164)", network: "/etc/cni/multus/net.d", ran: ["bridge"] },
  ])("$why is attached, and DEL frees its lease (T082)", async ({ network, ran }) => {
    expect(await plexus.cni(call("ADD", "plain", conf(network)))).toMatchObject({ status: 0 });
    expect(plexus.log.findLast(({ op }) => op === "ADD")).toMatchObject({ plugins: ran.map((plugin) => ({ plugin })) });
    expect(await host.sh("ls /var/lib/cni/networks/cluster")).toContain("10.86.0.");
    expect(await plexus.cni(call("DEL", "plain", conf(network)))).toMatchObject({ status: 0, stdout: "" });
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("a pod with two flannel networks gives both addresses back", async () => {
    expect(await plexus.cni(call("ADD", "flannels", conf("cluster")))).toMatchObject({ status: 0 });
    expect(await host.sh("ls /var/lib/cni/networks")).toBe("cluster\nflannel-one\nflannel-two\n");
    expect(await host.sh(`ls /var/lib/cni/flannel/${CID} /var/lib/cni/flannel/net2/${CID}`)).toContain("net2");
    expect(await plexus.cni(call("DEL", "flannels", conf("cluster")))).toMatchObject({ status: 0 });
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("a pod with a default network of its own gets that one on eth0 (T166)", async () => {
    const answer = await plexus.cni(call("ADD", "own", conf("cluster")));
    expect(answer).toMatchObject({
      status: 0,
      json: { ips: [{ address: expect.stringMatching(/^10\.244\.0\./) as string }] },
    });
    expect(plexus.log.findLast(({ op }) => op === "ADD")).toMatchObject({
      plugins: [{ plugin: "flannel", ifName: "eth0" }],
    });
    expect(await plexus.cni(call("DEL", "own", conf("cluster")))).toMatchObject({ status: 0 });
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("a network of the cluster that is a name and nothing else is looked for on disk (T169)", async () => {
    const answer = await plexus.cni(call("ADD", "plain", conf("cluster", { defaultNetworks: ["nothing-but-a-name"] })));
    expect(answer).toMatchObject({
      status: 1,
      json: { code: 100, msg: expect.stringContaining("nothing-but-a-name") as string },
    });
    expect(await host.sh(LEFTOVERS)).toBe("");
  });
});
