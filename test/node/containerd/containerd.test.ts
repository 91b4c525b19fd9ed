/** Debian's containerd, driven as a kubelet drives it, with Plexus as its only network config and the plugins of a real node. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { installScripted, type ScriptedPlugin } from "../../plugins/scripted.ts";
import { BIN, MANIFESTS, RECORDS } from "../plexus.ts";
import { describeWithContainerd } from "./containerd.ts";
import { BLUE, makeNode, NET_CONF, network, type Node, PLEXUS, pods, type SandboxOptions } from "./node.ts";

/** A longer run for `npm run soak`. */
const LONG = process.env["PLEXUS_SOAK"] !== undefined;
const AT_ONCE = 50;
const RESTARTED = { pods: LONG ? 600 : 18, sideBySide: 6, kills: LONG ? 100 : 3, timeout: LONG ? 3_600_000 : 120_000 };
const SOON = { timeout: 15_000 };

const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

/** What a pod asks for that a runtime passes on as capability args. */
function asksOfTheRuntime(port: number): SandboxOptions {
  return {
    port_mappings: [
      { protocol: "TCP", container_port: 80, host_port: port },
      { protocol: "UDP", container_port: 53, host_port: port },
    ],
    annotations: { "kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "20M" },
  };
}

describeWithContainerd("containerd", () => {
  let node: Node;

  beforeAll(async () => {
    node = await makeNode({ [NET_CONF]: PLEXUS });
    const all = [...names("one", AT_ONCE), ...names("restarted", RESTARTED.pods), "web"];
    await node.host.write(`${MANIFESTS}/pods.yaml`, pods(all, "blue"));
    await node.host.write(`${MANIFESTS}/cut.yaml`, pods(names("cut", 5), "blue"));
    await node.host.write(`${MANIFESTS}/lost.yaml`, pods(["lost"], "blue, absent"));
    await node.host.write(`${MANIFESTS}/slow.yaml`, pods(["slow"], "blue, slow"));
    const slow = network("slow", { cniVersion: "1.0.0", type: "slow" });
    await node.host.write(`${MANIFESTS}/slow-network.json`, JSON.stringify(slow));
    await node.plexus.start();
  });
  afterAll(() => node.stop());
  afterEach(() => node.removeAll());

  /** The plugin of the network slow, which waits in ADD until there is a file called gate in its directory. */
  async function installSlow(): Promise<ScriptedPlugin> {
    await node.host.sh(`rm -rf ${BIN}/slow ${BIN}/slow.d`);
    const slow = await installScripted(`/proc/${String(node.plexus.pid)}/root${BIN}`, "slow");
    await slow.on("ADD", `until [ -e gate ]; do sleep 0.01; done; echo '{"cniVersion":"1.0.0"}'`);
    return slow;
  }

  // containerd 1.6 asks for no STATUS: to be ready is to have a network config.
  it("is ready for pods as long as there is a network config", async () => {
    expect(await node.networkReady()).toBe(true);
    await node.host.sh(`rm ${NET_CONF}`);
    await expect.poll(() => node.networkReady(), SOON).toBe(false);
    await node.host.write(NET_CONF, JSON.stringify(PLEXUS));
    await expect.poll(() => node.networkReady(), SOON).toBe(true);
  });

  it("has the image for sandboxes, and no other", async () => {
    const { images } = await node.containerd.cri.call("ListImages", {});
    expect(images).toMatchObject([{ repo_tags: ["localhost/pause:test"] }]);
  });

  it("shows the address that a pod has on its default network, and removes it without a trace", async () => {
    const sandbox = await node.run("web");
    const addresses = await node.addresses(sandbox);
    expect(addresses).toEqual({
      eth0: expect.stringMatching(/^10\.85\.0\./),
      net1: expect.stringMatching(/^10\.86\.0\./),
    });
    expect(await node.status(sandbox)).toMatchObject({ state: "SANDBOX_READY", ip: addresses["eth0"] });
    await node.host.sh(`ping -c 1 -W 2 ${addresses["eth0"]}`);
    await node.remove(sandbox);
    expect(await node.leftovers()).toBe("");
  });

  it("stops a pod twice without complaint", async () => {
    const sandbox = await node.run("web");
    await node.containerd.cri.call("StopPodSandbox", { pod_sandbox_id: sandbox });
    expect(await node.leftovers()).toBe("");
    await node.containerd.cri.call("StopPodSandbox", { pod_sandbox_id: sandbox });
    expect(await node.status(sandbox)).toMatchObject({ state: "SANDBOX_NOTREADY", ip: "" });
  });

  it("has its port mappings and bandwidth limits made by the plugins that do them, and taken back", async () => {
    const sandbox = await node.run("web", asksOfTheRuntime(8080));
    const { ip } = await node.status(sandbox);
    expect(await node.host.sh("iptables-save -t nat | grep -e '-j DNAT' | grep -o -e '-p .*'")).toBe(
      `-p tcp -m tcp --dport 8080 -j DNAT --to-destination ${ip}:80\n-p udp -m udp --dport 8080 -j DNAT --to-destination ${ip}:53\n`,
    );
    expect(await node.host.sh("tc qdisc | grep -o 'tbf.*rate [^ ]*'")).toMatch(
      /^tbf 1: dev veth\S+ root refcnt \d+ rate 10Mbit\ntbf 1: dev bwp\S+ root refcnt \d+ rate 20Mbit\n$/,
    );
    await node.remove(sandbox);
    expect(await node.leftovers()).toBe("");
  });

  it("says why a pod cannot be attached, takes back what was, and attaches it once that is mended", async () => {
    await expect(node.run("lost")).rejects.toThrow(
      /^failed to setup network for sandbox "[0-9a-f]{64}": plugin type="plexus" name="plexus" failed \(add\): \[default\/lost\/uid-lost\]: cannot find a network-attachment-definition \(absent\) in namespace \(default\); create the NetworkAttachmentDefinition, or correct the pod's annotation$/,
    );
    expect(await node.leftovers()).toBe("");
    await node.host.write(`${MANIFESTS}/absent.json`, JSON.stringify(network("absent", { ...BLUE, name: "absent" })));
    const sandbox = await node.runInTheEnd("lost");
    expect(Object.keys(await node.addresses(sandbox))).toEqual(["eth0", "net1", "net2"]);
  });

  it(`makes ${AT_ONCE} sandboxes at once, and removes them at once`, { timeout: 120_000 }, async () => {
    const sandboxes = await Promise.all(names("one", AT_ONCE).map((pod) => node.run(pod)));
    const addresses = await Promise.all(sandboxes.map((sandbox) => node.addresses(sandbox)));
    expect(new Set(addresses.map(({ eth0 }) => eth0)).size).toBe(AT_ONCE);
    expect(new Set(addresses.map(({ net1 }) => net1)).size).toBe(AT_ONCE);
    await Promise.all(sandboxes.map((sandbox) => node.remove(sandbox)));
    expect(await node.leftovers()).toBe("");
  });

  it("removes a pod whose network namespace is gone already", async () => {
    const sandbox = await node.run("web");
    const { netns } = await node.status(sandbox);
    await node.host.sh(`umount ${netns} && rm ${netns}`);
    await node.remove(sandbox);
    expect(await node.leftovers()).toBe("");
  });

  it("removes a pod while the daemon is away, which does its part when it is back", async () => {
    const sandbox = await node.run("web");
    await node.plexus.kill();
    await node.remove(sandbox);
    expect(await node.host.sh("ls /var/lib/plexus/spool")).toBe(`${sandbox}@eth0.json\n${sandbox}@eth0.netns\n`);
    await node.plexus.start();
    expect(await node.leftovers()).toBe("");
  });

  it("makes a sandbox while the daemon is away: it waits", async () => {
    await node.plexus.terminate();
    const made = node.run("web");
    await node.plexus.start();
    expect(await node.status(await made)).toMatchObject({ state: "SANDBOX_READY" });
  });

  it(
    `with the daemon killed ${RESTARTED.kills} times meanwhile, ${RESTARTED.pods} pods come and go, and nothing is left`,
    { timeout: RESTARTED.timeout },
    async () => {
      const waiting = names("restarted", RESTARTED.pods).entries();
      const failures: unknown[] = [];
      let done = 0;
      const comeAndGo = async (pod: string, index: number): Promise<void> => {
        const sandbox = await node.runInTheEnd(pod, asksOfTheRuntime(20_000 + index));
        expect(Object.keys(await node.addresses(sandbox))).toEqual(["eth0", "net1"]);
        await node.removeInTheEnd(sandbox);
      };
      const worker = async (): Promise<void> => {
        for (const [index, pod] of waiting) {
          await comeAndGo(pod, index).catch((error: unknown) => failures.push(error));
          done += 1;
        }
      };
      const workers = Promise.all(Array.from({ length: RESTARTED.sideBySide }, worker));
      for (let kill = 1; kill <= RESTARTED.kills; kill++) {
        const due = (RESTARTED.pods * kill) / (RESTARTED.kills + 1);
        while (done < due) await pause(5);
        await node.plexus.kill();
        await node.plexus.start();
      }
      await workers;
      expect(failures).toEqual([]);
      expect(await node.leftovers()).toBe("");
    },
  );

  it("has a sandbox taken back whose kubelet went away in the middle", async () => {
    const slow = await installSlow();
    const kubelet = new AbortController();
    const made = node.run("slow", { signal: kubelet.signal });
    await expect.poll(slow.events, SOON).toMatchObject([{ event: "start", env: { CNI_IFNAME: "net2" } }]);
    kubelet.abort();
    await expect(made).rejects.toThrow("Cancelled");
    expect(await node.leftovers()).toBe("");
  });

  it("is killed itself in the middle, and the pod is made anew when it is back", async () => {
    const slow = await installSlow();
    const broken = expect(node.run("slow")).rejects.toThrow();
    await expect.poll(slow.events, SOON).toMatchObject([{ event: "start" }]);
    await node.containerd.kill();
    await broken;
    await writeFile(join(slow.directory, "gate"), "");
    await node.containerd.start();
    await node.remove(await node.runInTheEnd("slow"));
    expect(await node.leftovers()).toBe("");
  });

  it("removes pods that it had when it was restarted itself", async () => {
    const sandboxes = await Promise.all(names("one", 5).map((pod) => node.run(pod)));
    const addresses = await Promise.all(sandboxes.map((sandbox) => node.addresses(sandbox)));
    await node.containerd.terminate();
    await node.containerd.start();
    expect(await Promise.all(sandboxes.map((sandbox) => node.status(sandbox)))).toMatchObject(
      addresses.map(({ eth0 }) => ({ state: "SANDBOX_READY", ip: eth0 })),
    );
    await Promise.all(sandboxes.map((sandbox) => node.remove(sandbox)));
    expect(await node.leftovers()).toBe("");
  });

  it("removes pods that it had, or was making, when the power went, whether there is still such a pod or not", async () => {
    await Promise.all(names("one", 5).map((pod) => node.run(pod)));
    const records = `ls ${RECORDS} | grep -c -v status`;
    expect(await node.host.sh(records)).toBe("5\n");
    const broken = Promise.allSettled(names("cut", 5).map((pod) => node.run(pod)));
    await expect.poll(() => node.host.sh(records), SOON).not.toBe("5\n");

    await node.containerd.kill();
    await node.plexus.kill();
    await node.containerd.killSandboxes();
    await broken;
    await node.host.sh(
      `awk '{print $2}' /proc/mounts | grep -e /run/netns/ -e /run/containerd/ | xargs umount
       rm -r /run/netns /run/containerd ${MANIFESTS}/cut.yaml`,
    );
    await node.plexus.start();
    await node.containerd.start();
    await node.removeAll();
    expect(await node.leftovers()).toBe("");
  });
});
