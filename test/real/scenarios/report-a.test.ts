/**
 * Report A on real parts: Calico for management and flannel for business, each by its own manifest, on two nodes, and the user's own files.
 * flannelpod128 and samplepod are the user's; each has a companion on the other node.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MASTER, NET_D, NODES, WORKER } from "../cluster/layout.ts";
import { CALICO_IMAGES, FLANNEL_IMAGES, installCalico, installFlannel } from "../cluster/networks.ts";
import { type KubeObject, pod } from "../cluster/objects.ts";
import { checkout, installPlexus, PLEXUS_IMAGE, plexusLogs, POD_IMAGE } from "../cluster/plexus.ts";
import { userPod } from "../cluster/reports.ts";
import { makeSite, type Site } from "../cluster/site.ts";
import { until } from "../cluster/until.ts";

const NAD = checkout("test/fixtures/report-a/nad-flannel.yaml");

const CALICO = expect.stringMatching(/^192\.168\.\d+\.\d+\/32$/);
const FLANNEL = expect.stringMatching(/^10\.244\.[01]\.\d+\/24$/);

/** Every pod of the scenario, and the addresses that it must have. */
const PODS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  samplepod: { eth0: CALICO, net1: FLANNEL },
  samplepod2: { eth0: CALICO, net1: FLANNEL },
  "net/flannelpod128": { eth0: FLANNEL },
  "net/flannelpod129": { eth0: FLANNEL },
  plain: { eth0: CALICO },
  plain2: { eth0: CALICO },
};

const onNode = (object: KubeObject, node: string, name = object.metadata.name): KubeObject => {
  const nodeSelector = { "kubernetes.io/hostname": node };
  const spec = { ...(object["spec"] as object), affinity: undefined, nodeSelector };
  return { ...object, metadata: { ...object.metadata, name }, spec };
};

const withoutLength = (address = ""): string => address.split("/")[0] ?? "";

describe("report A, with Calico and flannel on two nodes", () => {
  let site: Site;
  let before: string;
  let handlesBefore: readonly string[];
  let addresses: Readonly<Record<string, Readonly<Record<string, string>>>> = {};

  /** What Calico's IPAM has given out, by handle; one stands for each sandbox. */
  async function handles(): Promise<readonly string[]> {
    const { items } = await site.read<{ readonly items: readonly KubeObject[] }>("ipamhandles.crd.projectcalico.org");
    return items.map(({ metadata }) => metadata.name).sort();
  }

  beforeAll(async () => {
    site = await makeSite([POD_IMAGE, PLEXUS_IMAGE, ...CALICO_IMAGES, ...FLANNEL_IMAGES]);
    await installCalico(site);
    await installFlannel(site);
    await installPlexus(site);
    await site.kubectl(
      "-n",
      "kube-system",
      "rollout",
      "status",
      "deployment",
      "calico-kube-controllers",
      "--timeout=120s",
    );
    await site.kubectl("create", "namespace", "net");
    await site.kubectl("apply", "-f", NAD);
    await site.kubectl("apply", "--namespace", "net", "-f", NAD);
    before = await site.traces();
    handlesBefore = await handles();
  }, 600_000);
  afterAll(() => site.destroy());

  it.each(NODES)("Plexus writes the conf of %s from 10-calico.conflist, though flannel has one too", async (node) => {
    const files = (await site.nodes[node].sh(`ls ${NET_D}`)).split("\n");
    expect(files).toEqual(expect.arrayContaining(["00-plexus.conf", "10-calico.conflist", "10-flannel.conflist"]));
    const conf = JSON.parse(await site.nodes[node].sh(`cat ${NET_D}/00-plexus.conf`)) as object;
    expect(conf).toMatchObject({ type: "plexus", clusterNetwork: `${NET_D}/10-calico.conflist` });
  });

  it("each pod has the networks that its annotation says: Calico alone, flannel alone, or Calico and flannel", async () => {
    const dual = await userPod(site, "report-a", "pod-dual.yaml");
    const flannelOnly = await userPod(site, "report-a", "pod-flannel-only.yaml");
    await site.apply(
      onNode(dual, MASTER),
      onNode(dual, WORKER, "samplepod2"),
      flannelOnly,
      onNode(flannelOnly, WORKER, "flannelpod129"),
      pod("plain", { node: MASTER, labels: { app: "plain" } }),
      pod("plain2", { node: WORKER }),
    );
    await site.ready(...Object.keys(PODS));
    const found = await Promise.all(Object.keys(PODS).map(async (name) => [name, await site.addresses(name)] as const));
    addresses = Object.fromEntries(found);
    expect(addresses).toEqual(PODS);
  });

  it("flannel's interfaces have the MTU 1450 of VXLAN, and the addresses of their node's subnet", async () => {
    for (const [name, link] of [
      ["samplepod", "net1"],
      ["samplepod2", "net1"],
      ["net/flannelpod128", "eth0"],
    ] as const) {
      expect((await site.exec(name, "cat", `/sys/class/net/${link}/mtu`)).trim()).toBe("1450");
    }
    const subnet = async (node: string): Promise<string> =>
      (await site.kubectl("get", "node", node, "-o", "jsonpath={.spec.podCIDR}")).replace(/0\/24$/, "");
    expect(addresses["samplepod"]?.["net1"]).toContain(await subnet(MASTER));
    expect(addresses["samplepod2"]?.["net1"]).toContain(await subnet(WORKER));
    expect(addresses["net/flannelpod128"]?.["eth0"]).toContain(await subnet(MASTER));
  });

  it("the network status names the networks, and the default one", async () => {
    // Calico's result names its host's end alone, so that, as with Multus, the status has no
    // interface for it.
    const calico = { name: "k8s-pod-network", default: true };
    expect(await site.networkStatus("samplepod")).toMatchObject([
      { ...calico, ips: [withoutLength(addresses["samplepod"]?.["eth0"])] },
      { name: "default/flannel-conf", interface: "net1", ips: [withoutLength(addresses["samplepod"]?.["net1"])] },
    ]);
    expect(await site.networkStatus("net/flannelpod128")).toMatchObject([
      { name: "default/flannel-conf", interface: "eth0", default: true },
    ]);
    expect(await site.networkStatus("plain")).toMatchObject([
      { ...calico, ips: [withoutLength(addresses["plain"]?.["eth0"])] },
    ]);
  });

  it.each([
    {
      network: "Calico",
      members: [
        ["samplepod", "eth0"],
        ["samplepod2", "eth0"],
        ["plain", "eth0"],
        ["plain2", "eth0"],
      ],
    },
    {
      network: "flannel",
      members: [
        ["samplepod", "net1"],
        ["samplepod2", "net1"],
        ["net/flannelpod128", "eth0"],
        ["net/flannelpod129", "eth0"],
      ],
    },
  ])("the four pods of $network on two nodes all ping each other", async ({ members }) => {
    for (const [from] of members) {
      for (const [to, link] of members) await site.ping(from ?? "", addresses[to ?? ""]?.[link ?? ""]);
    }
  });

  it("a Calico policy holds for eth0, and says nothing of flannel's net1", async () => {
    const policy: KubeObject = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "closed", namespace: "default" },
      spec: { podSelector: {}, policyTypes: ["Ingress"] },
    };
    await site.apply(policy);
    const eth0 = withoutLength(addresses["samplepod2"]?.["eth0"]);
    await until("the policy holds", () =>
      site.exec("samplepod", "ping", "-c", "1", "-W", "1", eth0).then(
        () => undefined,
        () => true,
      ),
    );
    await site.ping("samplepod", addresses["samplepod2"]?.["net1"]);
    await site.kubectl("delete", "networkpolicy", "closed");
    await until("the policy is gone", () =>
      site.exec("samplepod", "ping", "-c", "1", "-W", "1", eth0).then(
        () => true,
        () => undefined,
      ),
    );
  });

  it("nothing is left when the pods are gone: no link, no lease of flannel, no handle of Calico's IPAM", async () => {
    for (const node of NODES) expect(await site.leases(node, "flannel-conf")).toHaveLength(2);
    expect(await handles()).toHaveLength(handlesBefore.length + 4);
    await site.kubectl("delete", "pod", "--all", "--wait=false");
    await site.kubectl("delete", "pod", "--all", "--namespace", "net", "--wait=false");
    await site.tracesAre(before);
    expect(await handles()).toEqual(handlesBefore);
    for (const node of NODES) {
      expect(await site.leases(node, "flannel-conf")).toEqual([]);
      expect(await site.nodes[node].sh("ls /var/lib/cni/flannel")).toBe("");
    }
  });

  it("no daemon was refused by the API server", async () => {
    expect(await plexusLogs(site)).not.toMatch(/\b403\b|[Ff]orbidden/);
  });
});
