/** What pods, nodes, the daemon and the cluster go through in their lives, on two nodes. */
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { MASTER, STATIC_PODS, WORKER } from "../cluster/layout.ts";
import { installBridge, nodesReady } from "../cluster/networks.ts";
import { bridgeNetwork, type KubeObject, NETWORKS, pod } from "../cluster/objects.ts";
import { installPlexus, killDaemon, PLEXUS_IMAGE, plexusLogs, POD_IMAGE } from "../cluster/plexus.ts";
import { makeSite, type Site } from "../cluster/site.ts";
import { until } from "../cluster/until.ts";

const annotations = { [NETWORKS]: "blue" };
const OUTAGE_MS = 60_000;

/** One pod, db-0, which is made again whenever it is deleted. */
function statefulSet(): KubeObject {
  const { spec } = pod("db", { node: MASTER });
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "default" },
    spec: {
      serviceName: "db",
      replicas: 1,
      selector: { matchLabels: { app: "db" } },
      template: { metadata: { labels: { app: "db" }, annotations }, spec },
    },
  };
}

describe("in the life of two nodes", () => {
  let site: Site;
  let before: string;

  const uidOf = async (name: string): Promise<string | undefined> =>
    (await site.kubectl("get", "pod", name, "--ignore-not-found", "-o", "jsonpath={.metadata.uid}")) || undefined;
  const exists = async (name: string): Promise<true | undefined> =>
    (await uidOf(name)) === undefined ? undefined : true;

  beforeAll(async () => {
    site = await makeSite([POD_IMAGE, PLEXUS_IMAGE]);
    await installBridge(site);
    await installPlexus(site);
    before = await site.traces();
  });
  beforeEach(() => site.apply(bridgeNetwork("blue", 91)));
  afterEach(() => site.clear(before));
  afterAll(() => site.destroy());

  it.each([
    { why: "in its own time", how: [] },
    { why: "without any grace", how: ["--grace-period=0", "--force"] },
  ])(
    "a stateful set's pod that is deleted $why comes again under its name, and its network status is its own",
    async ({ how }) => {
      await site.apply(statefulSet());
      await until("db-0 is there", () => exists("db-0"));
      await site.ready("db-0");
      const first = await uidOf("db-0");
      await site.kubectl("delete", "pod", "db-0", ...how);
      await until("the next db-0 is there", async () => ((await uidOf("db-0")) ?? first) !== first || undefined);
      await site.ready("db-0");
      const { net1 = "" } = await site.addresses("db-0");
      expect(await site.networkStatus("db-0")).toMatchObject([{}, { interface: "net1", ips: [net1.split("/")[0]] }]);
      await until(
        "its predecessor's address is free",
        async () => (await site.leases(MASTER, "blue")).length === 1 || undefined,
      );
    },
  );

  it("a static pod gets its networks, and its mirror shows them", async () => {
    const mirror = `static-${WORKER}`;
    await site.nodes[WORKER].write(`${STATIC_PODS}/static.json`, JSON.stringify(pod("static", { annotations })));
    await until("the mirror is there", () => exists(mirror));
    await site.ready(mirror);
    expect(Object.keys(await site.addresses(mirror))).toEqual(["eth0", "net1"]);
    expect(await site.networkStatus(mirror)).toMatchObject([{ name: "pods" }, { name: "default/blue" }]);
    await site.nodes[WORKER].sh(`rm ${STATIC_PODS}/static.json`);
    await site.tracesAre(before);
  });

  it("100 pods that come at once on a node are all attached, each with addresses of its own", async () => {
    const names = Array.from({ length: 100 }, (_, index) => `many-${index}`);
    await site.apply(...names.map((name) => pod(name, { node: MASTER, annotations })));
    await site.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=400s");
    const { items } = await site.read<{ readonly items: readonly KubeObject[] }>("pods");
    const status = items.map(({ metadata }) => metadata.annotations?.["k8s.v1.cni.cncf.io/network-status"] ?? "");
    const shown = status.flatMap((each) => each.match(/10\.(85|91)\.0\.\d+/g) ?? []);
    expect(shown).toHaveLength(200);
    expect(new Set(shown).size).toBe(200);
    expect(await site.leases(MASTER, "blue")).toHaveLength(100);
  }, 600_000);

  it("a pod that is deleted without any grace is detached after its object is gone", async () => {
    await site.apply(pod("one", { annotations }));
    await site.ready("one");
    await site.kubectl("delete", "pod", "one", "--grace-period=0", "--force");
    expect(await uidOf("one")).toBeUndefined();
    await site.tracesAre(before);
  });

  it("pods come and go while a daemon that was killed is away, and all is done when it is back", async () => {
    await site.apply(pod("goes", { node: MASTER, annotations }), pod("stays", { node: MASTER, annotations }));
    await site.ready("goes", "stays");
    await killDaemon(site, MASTER);
    await site.kubectl("delete", "pod", "goes", "--timeout=60s");
    await site.apply(pod("comes", { node: MASTER, annotations }));
    await site.ready("comes");
    await site.ping("comes", (await site.addresses("stays"))["net1"]);
    await until("what was gone is detached", async () => (await site.leases(MASTER, "blue")).length === 2 || undefined);
  });

  it("an API server that is away for a minute is followed again", async () => {
    await site.apply(pod("before", { node: MASTER, annotations }));
    await site.ready("before");
    await site.stop("kube-apiserver", "KILL");
    await pause(OUTAGE_MS);
    await site.start("kube-apiserver");
    await nodesReady(site);
    await site.apply(pod("after", { node: MASTER, annotations }), pod("beyond", { node: WORKER, annotations }));
    await site.ready("after", "beyond");
    expect(await site.networkStatus("after")).toMatchObject([{ name: "pods" }, { name: "default/blue" }]);
    await site.ping("after", (await site.addresses("before"))["net1"]);
  });

  it("a power cut of a node: its pods come again with networks, and nothing of their former sandboxes is left", async () => {
    await site.apply(pod("one", { node: WORKER, annotations }), pod("two", { node: WORKER, annotations }));
    await site.ready("one", "two");
    const node = site.nodes[WORKER];
    await node.cutPower();
    await node.start("containerd");
    await node.start("kubelet");
    const restarts = async (): Promise<string> =>
      site.kubectl("get", "pods", "one", "two", "-o", "jsonpath={.items[*].status.containerStatuses[0].restartCount}");
    await until("both pods run again", async () => ((await restarts()) === "1 1" ? true : undefined), {
      withinMs: 180_000,
      explain: restarts,
    });
    await site.ready("one", "two");
    await site.ping("one", (await site.addresses("two"))["net1"]);
    await until("only their addresses are taken", async () => {
      const [pods, blue] = [await site.leases(WORKER, "pods"), await site.leases(WORKER, "blue")];
      return pods.length === 2 && blue.length === 2 ? true : undefined;
    });
  }, 400_000);

  it("a drain empties the node, and nothing of its pods is left", async () => {
    await site.apply(statefulSet(), pod("one", { node: MASTER, annotations }));
    await until("db-0 is there", () => exists("db-0"));
    await site.ready("db-0", "one");
    try {
      await site.kubectl("drain", MASTER, "--force", "--ignore-daemonsets", "--timeout=60s");
      await site.tracesAre(before);
    } finally {
      await site.kubectl("uncordon", MASTER);
    }
    await site.ready("db-0");
  });

  it("no daemon was refused by the API server", async () => {
    expect(await plexusLogs(site)).not.toMatch(/\b403\b|[Ff]orbidden/);
  });
});
