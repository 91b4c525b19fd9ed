/** A node that was Multus' and is ours now, and one that goes back: real plugins made the networks, nothing of them may be left. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { base64 } from "../../migration/samples.ts";
import { here, type Host, makeHost } from "../host.ts";
import { BIN, makePlexus, MANIFESTS, type Plexus, podArgs, RECORDS } from "../plexus.ts";

const CID = "4f1d3c0e9a7b58264f1d3c0e9a7b58264f1d3c0e9a7b58264f1d3c0e9a7b5826";
const NETNS = "/run/netns/pod";
const NOTES = "/var/lib/cni/multus";

const PODS = {
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: "cni0",
      isGateway: true,
      ipMasq: true,
      ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/24" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
    { type: "portmap", snat: true, capabilities: { portMappings: true } },
  ],
};
const BLUE = {
  cniVersion: "0.3.1",
  name: "blue",
  type: "bridge",
  bridge: "blue0",
  ipam: { type: "host-local", ranges: [[{ subnet: "10.89.0.0/24" }]] },
};
const PORTS = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] };
const OURS = JSON.stringify({
  cniVersion: "1.0.0",
  name: "plexus",
  type: "plexus",
  capabilities: { portMappings: true },
  runtimeConfig: PORTS,
  delegates: [PODS],
});

/** What CRI-O kept of ADD: Multus' own network config, as its daemon generates it. */
const THEIRS = JSON.stringify({
  capabilities: { portMappings: true },
  cniVersion: "0.3.1",
  logLevel: "verbose",
  logToStderr: true,
  name: "multus-cni-network",
  clusterNetwork: "/host/etc/cni/net.d/10-pods.conflist",
  type: "multus-shim",
});

const LEFTOVERS = `
ip -n pod -o link | awk '{print $2}' | grep -v '^lo' || true
ls /sys/class/net | grep veth || true
iptables-save | grep -e CNI-DN -e '${CID.slice(0, 8)}' || true
find /var/lib/cni ${RECORDS} -type f ! -name 'last_reserved_ip.0' ! -name lock 2>/dev/null || true`;

describe.skipIf(process.getuid?.() !== 0)("a node that changes hands", () => {
  let host: Host;
  let plexus: Plexus;

  beforeAll(async () => {
    host = await makeHost();
    plexus = await makePlexus(host);
    const nad = {
      kind: "NetworkAttachmentDefinition",
      metadata: { name: "blue" },
      spec: { config: JSON.stringify(BLUE) },
    };
    const pod = { kind: "Pod", metadata: { name: "web", annotations: { "k8s.v1.cni.cncf.io/networks": "blue" } } };
    const manifests = [
      { apiVersion: "k8s.cni.cncf.io/v1", ...nad },
      { apiVersion: "v1", ...pod },
    ];
    await host.write(`${MANIFESTS}/all.yaml`, manifests.map((one) => JSON.stringify(one)).join("\n---\n"));
  });
  afterAll(() => host.stop());
  beforeEach(() => host.sh("ip netns add pod && ip -n pod link set lo up"));
  afterEach(async () => {
    await plexus.terminate();
    await host.sh("ip netns del pod");
  });

  /** Runs one plugin as Multus would. */
  async function add(type: string, ifName: string, stdin: object): Promise<object> {
    const env = {
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: CID,
      CNI_NETNS: NETNS,
      CNI_IFNAME: ifName,
      CNI_ARGS: podArgs("web"),
      CNI_PATH: BIN,
    };
    const { status, stdout, stderr } = await host.run([`${BIN}/${type}`], { env, stdin: JSON.stringify(stdin) });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    return JSON.parse(stdout) as object;
  }

  /** The pod's two networks, with the results that Multus would see. */
  async function attach(): Promise<{ eth0: object; net1: object }> {
    const { cniVersion, name, plugins } = PODS;
    const [bridge, portmap] = plugins.map((plugin) => ({ cniVersion, name, ...plugin }));
    const prevResult = await add("bridge", "eth0", { ...bridge });
    const eth0 = await add("portmap", "eth0", { ...portmap, runtimeConfig: PORTS, prevResult });
    return { eth0, net1: await add("bridge", "net1", BLUE) };
  }

  async function cacheResult(conf: { readonly name: string }, ifName: string, more: object): Promise<void> {
    const cached = {
      kind: "cniCacheV1",
      containerId: CID,
      config: base64(JSON.stringify(conf)),
      ifName,
      networkName: conf.name,
      netns: NETNS,
      cniArgs: podArgs("web")
        .split(";")
        .map((pair) => pair.split("=")),
      ...more,
    };
    await host.write(`${NOTES}/results/${conf.name}-${CID}-${ifName}`, JSON.stringify(cached));
  }

  const entries = [
    { Conf: {}, ConfList: PODS, Name: "pods", Bytes: base64(JSON.stringify(PODS)) },
    { Conf: BLUE, ConfList: {}, Name: "default/blue", Bytes: base64(JSON.stringify(BLUE)) },
  ];
  const [pods, blue] = entries;
  const lossy = {
    ...pods,
    CNINetworkConfigList: {
      Name: "pods",
      CNIVersion: "1.0.0",
      Plugins: PODS.plugins.map((plugin) => ({
        Network: { type: plugin.type },
        Bytes: base64(JSON.stringify(plugin)),
      })),
    },
    Bytes: base64(JSON.stringify({ ...PODS, plugins: PODS.plugins.map(({ type }) => ({ type })) })),
  };
  const del = (conf = OURS) => plexus.cni({ verb: "DEL", containerId: CID, netns: NETNS, args: podArgs("web"), conf });

  it.each([
    { why: "of the present shape", scratch: JSON.stringify(entries) },
    { why: "of the present shape, asked in Multus' name", scratch: JSON.stringify(entries), conf: THEIRS },
    { why: "of 4.2.1 to 4.3.0 (T085)", scratch: JSON.stringify([lossy, blue]) },
    { why: "that a power cut emptied (T073)", scratch: "" },
  ])("frees all that Multus attached, from notes $why", async ({ scratch, conf }) => {
    const { eth0, net1 } = await attach();
    await cacheResult(PODS, "eth0", { capabilityArgs: PORTS, result: eth0 });
    await cacheResult(BLUE, "net1", { result: net1 });
    await host.write(`${NOTES}/${CID}`, scratch);
    expect(await host.sh(LEFTOVERS)).toMatch(/eth0[^]*net1[^]*CNI-DN[^]*10\.89\.0\.\d/);
    await plexus.start();
    expect(await del(conf)).toMatchObject({ status: 0, stdout: "" });
    expect(await host.sh(LEFTOVERS)).toBe("");
    expect(await del(conf)).toMatchObject({ status: 0, stdout: "" });
  });

  it("frees all that TKE's fork attached, which keeps no results (T44)", async () => {
    await attach();
    const names = entries.map((entry, index) => ({ ...entry, ifnameRequest: index === 0 ? "eth0" : "net1" }));
    await host.write(`/var/lib/cni/networks/multus/${CID}`, JSON.stringify(names));
    await plexus.start();
    expect(await del()).toMatchObject({ status: 0, stdout: "" });
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("has notes for Multus when it goes back, from which all that we attached is freed", async () => {
    await plexus.start();
    const call = { containerId: CID, netns: NETNS, args: podArgs("web"), conf: OURS };
    expect(await plexus.cni({ verb: "ADD", ...call })).toMatchObject({ status: 0 });
    const command = [here("dist/plexus-daemon"), "--config", "/etc/plexus/daemon.json", "--export-multus"];
    const run = () => host.run(command, { env: { NODE: process.execPath } });
    expect(await run()).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("another plexus-daemon") as string,
    });
    await plexus.terminate();
    expect(await run()).toMatchObject({ status: 0, stdout: `1 sandboxes noted down in ${NOTES}\n` });
    expect(await host.sh(`ls ${NOTES} ${NOTES}/results`)).toContain(`blue-${CID}-net1\npods-${CID}-eth0\n`);

    await host.sh(`rm -r ${RECORDS}`);
    await plexus.start();
    expect(await del()).toMatchObject({ status: 0, stdout: "" });
    expect(await host.sh(LEFTOVERS)).toBe("");
  });
});
