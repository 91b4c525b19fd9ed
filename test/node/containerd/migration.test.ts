/** A node whose pods Multus attached becomes ours, and goes back, step by step as docs/migrate.md says, with containerd at work on it. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { grpcClient } from "../../server/grpc-client.ts";
import { here } from "../host.ts";
import { BIN, MANIFESTS } from "../plexus.ts";
import { describeWithContainerd } from "./containerd.ts";
import { BLUE, makeNode, type Node, PLEXUS, PODS, pods } from "./node.ts";

const THEIRS = "/etc/cni/net.d/00-multus.conf";
const OURS = "/etc/cni/net.d/00-a-plexus.json";
const NOTES = "/var/lib/cni/multus";

const MULTUS = {
  capabilities: PLEXUS.capabilities,
  cniVersion: "0.3.1",
  name: "multus-cni-network",
  delegates: [PODS, BLUE],
  type: "multus-shim",
  cniDir: NOTES,
  fork: false,
};

/** By Multus' name: what the runtime noted of a pod's ADD it finds, and forgets, on a DEL by the same. */
const CONF = JSON.stringify({ ...PLEXUS, name: MULTUS.name });

const PORTS = { port_mappings: [{ protocol: "TCP", container_port: 80, host_port: 8080 }] } as const;

describeWithContainerd("containerd, on a node that changes hands", () => {
  let node: Node;

  beforeAll(async () => {
    node = await makeNode({ [THEIRS]: MULTUS });
    await node.host.write(`${MANIFESTS}/pods.yaml`, pods(["old", "new"], "blue"));
  });
  afterEach(async () => {
    await node.removeAll();
    await node.plexus.terminate();
    await node.host.sh(`rm -f ${OURS}`);
  });
  afterAll(() => node.stop());

  /** Puts Multus on the node, as its DaemonSet would. */
  async function installMultus(conf: typeof MULTUS): Promise<void> {
    await node.host.write(
      `${BIN}/${conf.type}`,
      `#!/bin/sh\nexec ${process.execPath} ${fileURLToPath(import.meta.resolve("./multus.ts"))}\n`,
    );
    await node.host.sh(`chmod 755 ${BIN}/${conf.type}`);
    await node.host.write(THEIRS, JSON.stringify(conf));
  }
  const inUse = (type: string): Promise<void> => expect.poll(() => node.netConfType(), { timeout: 15_000 }).toBe(type);

  /** The interfaces of each sandbox that the daemon knows. */
  async function known(): Promise<Readonly<Record<string, readonly string[]>>> {
    const client = grpcClient(`/proc/${String(node.plexus.pid)}/root/run/plexus/plexus.sock`);
    try {
      // As proto/plexus/v1/inspector.proto has it.
      const { sandboxes } = (await client.call("Inspector/ListSandboxes", {}).reply) as {
        readonly sandboxes: readonly {
          readonly containerId: string;
          readonly attachments: readonly { readonly ifname: string }[];
        }[];
      };
      return Object.fromEntries(
        sandboxes.map(({ containerId, attachments }) => [containerId, attachments.map(({ ifname }) => ifname)]),
      );
    } finally {
      client.close();
    }
  }

  it.each([
    { why: "Multus' thick plugin", conf: MULTUS, interfaces: ["eth0", "net1"] },
    { why: "thin Multus", conf: { ...MULTUS, type: "multus" }, interfaces: ["eth0", "net1"] },
    {
      why: "TKE's fork",
      conf: { ...MULTUS, type: "multus-cni", cniDir: "/var/lib/cni/networks/multus", fork: true },
      interfaces: ["eth0", "eth1"],
    },
  ])("takes pods over from $why, attaches new ones, and nothing of either is left", async ({ conf, interfaces }) => {
    await installMultus(conf);
    await inUse(conf.type);
    const old = await node.run("old", PORTS);
    expect(Object.keys(await node.addresses(old))).toEqual(interfaces);

    await node.plexus.start();
    expect(await known()).toEqual({ [old]: interfaces });
    await node.host.write(OURS, CONF);
    await inUse("plexus");
    await node.host.sh(`rm ${THEIRS} ${BIN}/${conf.type}`);
    expect(Object.keys(await node.addresses(old))).toEqual(interfaces);

    const fresh = await node.run("new");
    expect(Object.keys(await node.addresses(fresh))).toEqual(["eth0", "net1"]);
    expect(await known()).toEqual({ [old]: interfaces, [fresh]: ["eth0", "net1"] });
    await node.remove(old);
    expect(await node.host.sh(`find ${conf.cniDir} -type f`)).toBe("");
    await node.remove(fresh);
    expect(await node.leftovers()).toBe("");
  });

  it("removes a pod of Multus' while our daemon is away, which does its part when it is back", async () => {
    await installMultus(MULTUS);
    await inUse(MULTUS.type);
    const old = await node.run("old", PORTS);
    await node.host.write(OURS, CONF);
    await inUse("plexus");
    await node.remove(old);
    expect(await node.host.sh(`ls ${NOTES}`)).toBe(`${old}\nresults\n`);
    await node.plexus.start();
    expect(await node.leftovers()).toBe("");
  });

  it("goes back to Multus, which deletes what was ours", async () => {
    await node.plexus.start();
    await node.host.write(OURS, CONF);
    await inUse("plexus");
    const old = await node.run("old", PORTS);

    expect(await node.host.sh("ls /var/lib/plexus/spool")).toBe("");
    await node.plexus.terminate();
    const command = [here("dist/plexus-daemon"), "--config", "/etc/plexus/daemon.json", "--export-multus"];
    expect(await node.host.run(command, { env: { NODE: process.execPath } })).toMatchObject({
      status: 0,
      stdout: `1 sandboxes noted down in ${NOTES}\n`,
    });
    await node.host.sh(`rm ${OURS}`);
    await installMultus(MULTUS);
    await inUse(MULTUS.type);
    await node.host.sh("rm -r /var/lib/plexus");

    const fresh = await node.run("new");
    await node.remove(old);
    await node.remove(fresh);
    expect(await node.leftovers()).toBe("");
  });
});
