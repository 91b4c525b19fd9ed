/** What docs/install.md tells people to do, with the image: the DaemonSet put on, at work, restarted, and taken off the node again. */
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { BIN, CONTAINERD, IMAGE, NET_D, NODE_NAME } from "./components.ts";
import { here, install, PODS, uninstall } from "./plexus.ts";
import { type KubeObject, openSite, type Site } from "./site.ts";
import { until } from "./until.ts";

const CONF = `${NET_D}/00-plexus.conf`;

/** As written, but for the image, which is not to be had here. */
async function example(): Promise<readonly [KubeObject, KubeObject]> {
  const text = await readFile(here("deploy/examples/two-networks.yaml"), "utf8");
  const [network, pod] = parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
  if (network === undefined || pod === undefined) throw new Error("the example has changed");
  return [network, { ...pod, spec: { containers: [{ name: "shell", image: IMAGE, imagePullPolicy: "Never" }] } }];
}

describe("deploy/plexus.yaml and the image", () => {
  let site: Site;

  beforeAll(async () => {
    site = openSite();
    await uninstall(site);
    const archive = here("dist/plexus-image.tar");
    await site.machine.sh(`ctr --address ${CONTAINERD} --namespace k8s.io images import ${archive}`);
    await site.useConf("10-pods.conflist", JSON.stringify(PODS));
  });
  afterEach(() => site.clear());
  afterAll(async () => {
    await site.kubectl("delete", "--namespace", "kube-system", "daemonset", "--all");
    await site.kubectl("label", "node", NODE_NAME, "plexus-");
    await site.machine.sh(`rm -f ${NET_D}/10-pods.conflist`);
    await install(site);
    await site.useOwnConf();
  });

  it("make a node ready, with a conf made of the one that was there", async () => {
    await site.kubectl("apply", "--filename", here("deploy/plexus.yaml"));
    await site.rolledOut("plexus");
    expect(JSON.parse(await site.machine.sh(`cat ${CONF}`))).toMatchObject({ type: "plexus" });
    expect((await site.machine.sh(`stat --format %a ${CONF}`)).trim()).toBe("600");
  });

  it("give a pod the network of ever and the one that it asks for", async () => {
    await site.apply(...(await example()));
    await site.ready("two-networks");
    expect(await site.addresses("two-networks")).toEqual({
      eth0: expect.stringMatching(/^10\.85\./),
      net1: expect.stringMatching(/^10\.89\.0\./),
    });
    expect(await site.networkStatus("two-networks")).toMatchObject([
      { name: "pods", interface: "eth0", default: true },
      { name: "default/blue", interface: "net1" },
    ]);
    expect((await site.events("two-networks")).join("\n")).toMatch(/AddedInterface: .*net1/);
  });

  it("may be restarted while pods are there, and while one comes", async () => {
    const [network, pod] = await example();
    await site.apply(network, pod);
    await site.ready("two-networks");
    await site.kubectl("rollout", "restart", "daemonset", "--namespace", "kube-system", "plexus");
    await site.apply({ ...pod, metadata: { ...pod.metadata, name: "comes" } });
    await site.rolledOut("plexus");
    await site.ready("comes");
    await site.ping("comes", (await site.addresses("two-networks"))["net1"]);
  });

  it("go from a node that is labelled so, once its pods are gone, and leave it as it was", async () => {
    await site.apply(...(await example()));
    await site.ready("two-networks");
    await site.kubectl("apply", "--filename", here("deploy/uninstall.yaml"));
    await site.kubectl("label", "node", NODE_NAME, "plexus=off");
    await until("the conf is gone", async () =>
      (await site.machine.run(["test", "-e", CONF])).status === 1 ? true : undefined,
    );
    await site.kubectl("delete", "pod", "two-networks", "--timeout=60s");
    await site.rolledOut("plexus-uninstall");
    // What the runtime itself noted of the ADD, by the name of the conf of that time.
    await site.machine.sh("rm /var/lib/cni/results/plexus-*");
    expect(
      await site.machine.sh(`ls -A /run/plexus /var/lib/plexus ${NET_D} && ls ${BIN} | grep -c plexus || true`),
    ).toBe(["/etc/cni/net.d:", "10-pods.conflist", "", "/run/plexus:", "", "/var/lib/plexus:", "0", ""].join("\n"));
  });
});
