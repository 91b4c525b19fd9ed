/** Report A: Calico for management, flannel for business, in one pod, from the user's own files. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { here, type Host, makeHost } from "../host.ts";
import { BIN, makePlexus, MANIFESTS, type Plexus, podArgs, RECORDS } from "../plexus.ts";

const fixture = (name: string): Promise<string> => readFile(here("test/fixtures/report-a", name), "utf8");

const CID = "0a1b2c3d4e5f";
const NETNS = "/run/netns/samplepod";
const KUBECONFIG = "/etc/cni/net.d/calico-kubeconfig";

/** What the host has that a pod could leave behind. */
const LEFTOVERS = `
ip -o link | sed 's/@.*//' | awk '{print $2}' | grep -v -e '^lo' -e '^cni0' || true
iptables-save | grep -e CNI-DN -e '${CID}' || true
find /var/lib/cni ${BIN}/calico.d ${RECORDS} -type f ! -name last_reserved_ip.0 ! -name lock 2>/dev/null || true`;

describe.skipIf(process.getuid?.() !== 0)("report A", () => {
  let host: Host;
  let plexus: Plexus;
  let conf: string;

  beforeAll(async () => {
    host = await makeHost();
    plexus = await makePlexus(host);
    await host.sh(`cp ${here("dist/test-plugins/calico")} ${BIN}/calico`);
    await host.write(KUBECONFIG, "apiVersion: v1\nkind: Config\n");
    await host.write("/run/flannel/subnet.env", await fixture("subnet.env"));
    await host.write(`${MANIFESTS}/flannel.yaml`, await fixture("nad-flannel.yaml"));
    await host.write(`${MANIFESTS}/pod.yaml`, await fixture("pod-dual.yaml"));
    // The runtime adds what the pod's hostPort asks for, as the conf's capabilities invite it to.
    conf = JSON.stringify({
      ...(JSON.parse(await fixture("00-multus.conf")) as object),
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
    });
    await plexus.start();
    await host.sh("ip netns add samplepod && ip -n samplepod link set lo up");
  });

  afterAll(async () => {
    await plexus.terminate();
    await host.stop();
  });

  const call = (verb: string) => ({ verb, containerId: CID, netns: NETNS, args: podArgs("samplepod"), conf });
  const addresses = async (ifName: string): Promise<unknown> => {
    const [link] = JSON.parse(await host.sh(`ip -n samplepod -4 -json addr show dev ${ifName}`)) as [
      { mtu: number; addr_info: [{ local: string; prefixlen: number }] },
    ];
    const [{ local, prefixlen }] = link.addr_info;
    return { mtu: link.mtu, address: `${local}/${prefixlen}` };
  };

  it("gives samplepod eth0 from Calico and net1 from flannel", async () => {
    const answer = await plexus.cni(call("ADD"));
    expect(answer).toMatchObject({
      status: 0,
      json: { cniVersion: "0.3.1", ips: [{ version: "4", address: "192.168.0.1/32" }] },
    });
    expect(await addresses("eth0")).toEqual({ mtu: 1500, address: "192.168.0.1/32" });
    expect(await addresses("net1")).toEqual({ mtu: 1450, address: "10.244.0.2/24" });
  });

  it("lets the pod be reached over both, and on its host port", async () => {
    await host.sh("ip netns exec samplepod ping -c 1 -W 2 10.244.0.1");
    await host.sh("ping -c 1 -W 2 192.168.0.1");
    expect(await host.sh("iptables-save -t nat")).toMatch(
      /CNI-DN-\S+ -p tcp .*--dport 8080 -j DNAT --to-destination 192\.168\.0\.1:80/,
    );
  });

  it("shows both in the network status", async () => {
    const status = JSON.parse(await host.sh(`cat ${RECORDS}/${CID}.network-status.json`)) as unknown;
    expect(status).toMatchObject([
      { name: "k8s-pod-network", default: true },
      { name: "default/flannel-conf", interface: "net1", ips: ["10.244.0.2"] },
    ]);
  });

  it("keeps a ledger under the network's name, as users of flannel know it", async () => {
    await host.sh("test -f /var/lib/cni/networks/flannel-conf/10.244.0.2 && test -f /var/lib/cni/flannel/" + CID);
  });

  it("deletes all of it after the daemon was killed and started again, without the pod's manifest", async () => {
    await plexus.kill();
    await host.sh(`rm ${MANIFESTS}/pod.yaml`);
    await plexus.start();
    expect(await plexus.cni(call("DEL"))).toMatchObject({ status: 0, stdout: "" });
    expect(await host.sh("ip -n samplepod -o link | awk '{print $2}'")).toBe("lo:\n");
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("deletes it once more without complaint", async () => {
    expect(await plexus.cni(call("DEL"))).toMatchObject({ status: 0, stdout: "" });
  });

  it("told a newcomer what it ran, in one line for each operation", () => {
    const [add] = plexus.log.filter(({ op }) => op === "ADD");
    expect(add).toMatchObject({
      sandbox: CID,
      msg: "done",
      plugins: [
        { plugin: "calico", ifName: "eth0", ok: true },
        { plugin: "portmap", ifName: "eth0", ok: true },
        { plugin: "bandwidth", ifName: "eth0", ok: true },
        { plugin: "flannel", ifName: "net1", network: "default/flannel-conf", ok: true },
      ],
    });
  });
});
