/**
 * A DaemonSet that is rolled out with an image that takes long to come, under a loop of pods on both nodes: no pod fails, and no node is ever NotReady.
 * A first container that sleeps stands for the image's way to the node: the old daemon is gone by then, and the new one is not there.
 */
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IMAGE, NODES, type NodeName } from "../cluster/layout.ts";
import { installBridge } from "../cluster/networks.ts";
import { bridgeNetwork, NETWORKS, pod } from "../cluster/objects.ts";
import { installPlexus, PLEXUS_IMAGE, POD_IMAGE } from "../cluster/plexus.ts";
import { makeSite, type Site } from "../cluster/site.ts";

const SLOW_SECONDS = 45;
const EVERY_MS = 300;

describe("a rollout of Plexus whose image is slow to come", () => {
  let site: Site;

  beforeAll(async () => {
    site = await makeSite([POD_IMAGE, PLEXUS_IMAGE]);
    await installBridge(site);
    await installPlexus(site);
    await site.apply(bridgeNetwork("blue", 91));
  });
  afterAll(() => site.destroy());

  it("fails no pod and leaves every node Ready", async () => {
    const over = new AbortController();
    const before = await site.traces();

    /** One pod after another, each gone before the next comes. Resolves with how many there were. */
    async function loop(node: NodeName): Promise<number> {
      let count = 0;
      while (!over.signal.aborted) {
        const name = `loop-${NODES.indexOf(node)}-${count}`;
        await site.apply(pod(name, { node, annotations: { [NETWORKS]: "blue" } }));
        await site.ready(name);
        expect(Object.keys(await site.addresses(name))).toEqual(["eth0", "net1"]);
        await site.kubectl("delete", "pod", name, "--grace-period=0", "--force", "--wait=false");
        count += 1;
      }
      return count;
    }

    /** Resolves with each condition that a node had and that was not Ready. */
    async function watchNodes(): Promise<readonly string[]> {
      const seen = new Set<string>();
      const columns = '{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
      while (!over.signal.aborted) {
        const lines = (await site.kubectl("get", "nodes", "-o", `jsonpath=${columns}`)).trim().split("\n");
        for (const line of lines) if (!line.endsWith(" True")) seen.add(line);
        await pause(EVERY_MS);
      }
      return [...seen];
    }

    async function roll(): Promise<void> {
      const slow = { name: "slow", image: IMAGE, imagePullPolicy: "Never", command: ["sleep", String(SLOW_SECONDS)] };
      // A patch of the list by name would append it.
      const patch = [{ op: "add", path: "/spec/template/spec/initContainers/0", value: slow }];
      const target = ["-n", "kube-system", "patch", "daemonset", "plexus"];
      await site.kubectl(...target, "--type=json", `--patch=${JSON.stringify(patch)}`);
      await site.kubectl("-n", "kube-system", "rollout", "status", "daemonset", "plexus", "--timeout=400s");
    }

    const watching = [watchNodes(), ...NODES.map(loop)] as const;
    try {
      await roll();
    } finally {
      over.abort();
    }
    const [notReady, ...counts] = await Promise.all(watching);
    expect(notReady).toEqual([]);
    for (const count of counts) expect(count).toBeGreaterThan(0);
    await site.tracesAre(before);
  }, 600_000);
});
