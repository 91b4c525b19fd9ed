/** What pods, the daemon and the cluster go through in their lives. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NODE_NAME, STATIC_PODS } from "./components.ts";
import { bridgeNetwork, type KubeObject, NETWORKS, openSite, pod, type Site } from "./site.ts";
import { until } from "./until.ts";

const annotations = { [NETWORKS]: "blue" };

/** One pod, db-0, which is made again whenever it is deleted. */
function statefulSet(): KubeObject {
  const { spec } = pod("db");
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

describe("in the life of a node", () => {
  let site: Site;

  const uidOf = async (name: string): Promise<string | undefined> =>
    (await site.kubectl("get", "pod", name, "--ignore-not-found", "-o", "jsonpath={.metadata.uid}")) || undefined;
  const exists = async (name: string): Promise<true | undefined> =>
    (await uidOf(name)) === undefined ? undefined : true;

  beforeAll(() => {
    site = openSite();
  });
  beforeEach(() => site.apply(bridgeNetwork("blue", 91)));
  afterEach(() => site.clear());

  it.each([
    { why: "in its own time", how: [] },
    { why: "without any grace", how: ["--grace-period=0", "--force"] },
  ])(
    "a stateful set's pod that is deleted $why comes again under its name, and its network status is its own",
    async ({ how }) => {
      await site.apply(statefulSet());
      await until("db-0 is there", () => exists("db-0"));
      await site.ready("db-0");
      const before = await uidOf("db-0");
      await site.kubectl("delete", "pod", "db-0", ...how);
      await until("the next db-0 is there", async () => ((await uidOf("db-0")) ?? before) !== before || undefined);
      await site.ready("db-0");
      const { net1 = "" } = await site.addresses("db-0");
      expect(await site.networkStatus("db-0")).toMatchObject([{}, { interface: "net1", ips: [net1.split("/")[0]] }]);
      await until(
        "its predecessor's addresses are free",
        async () => (await site.leases("blue")).length === 1 || undefined,
      );
    },
  );

  it("a static pod gets its networks, and its mirror shows them", async () => {
    const mirror = `static-${NODE_NAME}`;
    await site.machine.write(`${STATIC_PODS}/static.json`, JSON.stringify(pod("static", { annotations })));
    await until("the mirror is there", () => exists(mirror));
    await site.ready(mirror);
    expect(Object.keys(await site.addresses(mirror))).toEqual(["eth0", "net1"]);
    expect(await site.networkStatus(mirror)).toMatchObject([{ name: "pods" }, { name: "default/blue" }]);
    await site.machine.sh(`rm ${STATIC_PODS}/static.json`);
    await site.nothingLeft();
  });

  it("30 pods that come at once are all attached, each with addresses of its own", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `many-${index}`);
    await site.apply(...names.map((name) => pod(name, { annotations })));
    await site.ready(...names);
    const statuses = await Promise.all(names.map((name) => site.networkStatus(name)));
    const shown = statuses.flatMap((status) => status.flatMap(({ ips = [] }) => ips));
    expect(new Set(shown).size).toBe(60);
    expect(await site.leases("blue")).toHaveLength(30);
    await site.ping("many-0", statuses[29]?.[1]?.ips?.[0] ?? "");
  });

  it("a pod that is deleted without any grace is detached after its object is gone", async () => {
    await site.apply(pod("one", { annotations }));
    await site.ready("one");
    await site.kubectl("delete", "pod", "one", "--grace-period=0", "--force");
    expect(await uidOf("one")).toBeUndefined();
    await site.nothingLeft();
  });

  it("pods come and go while the daemon is away, and all is done when it is back", async () => {
    await site.apply(pod("goes", { annotations }), pod("stays", { annotations }));
    await site.ready("goes", "stays");
    await site.plexus.kill();
    await site.kubectl("delete", "pod", "goes", "--timeout=60s");
    await site.apply(pod("comes", { annotations }));
    await site.plexus.start();
    await site.ready("comes");
    await site.ping("comes", (await site.addresses("stays"))["net1"]);
    await until("what was gone is detached", async () => (await site.leases("blue")).length === 2 || undefined);
  });

  it("a daemon that is told to end and started again goes on where it was", async () => {
    await site.apply(pod("one", { annotations }));
    await site.ready("one");
    await site.plexus.terminate();
    await site.plexus.start();
    await site.apply(pod("two", { annotations }));
    await site.ready("two");
    await site.kubectl("delete", "pod", "one", "two", "--wait=false");
    await site.nothingLeft();
  });

  it("an API server that goes and comes back is followed again", async () => {
    await site.apply(pod("before", { annotations }));
    await site.ready("before");
    // Told to end, it would wait a minute for those who watch.
    await site.stop("kube-apiserver", "KILL");
    await site.start("kube-apiserver");
    await site.apply(pod("after", { annotations }));
    await site.ready("after");
    expect(await site.networkStatus("after")).toMatchObject([{ name: "pods" }, { name: "default/blue" }]);
    await site.ping("after", (await site.addresses("before"))["net1"]);
  });

  it("a drain empties the node, and nothing of its pods is left", async () => {
    await site.apply(statefulSet(), pod("one", { annotations }));
    await until("db-0 is there", () => exists("db-0"));
    await site.ready("db-0", "one");
    try {
      await site.kubectl("drain", NODE_NAME, "--force", "--ignore-daemonsets", "--timeout=60s");
      await site.nothingLeft();
    } finally {
      await site.kubectl("uncordon", NODE_NAME);
    }
    await site.ready("db-0");
  });
});
