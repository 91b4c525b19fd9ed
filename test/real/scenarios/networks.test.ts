/** What a pod may ask for, and what it gets; and Plexus as docs/install.md installs it. */
import { readdir, readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { MASTER, NODES, WORKER } from "../cluster/layout.ts";
import { installBridge } from "../cluster/networks.ts";
import { bridgeNetwork, DEFAULT_NETWORK, network, NETWORKS, pod } from "../cluster/objects.ts";
import { program } from "../parts.ts";
import { checkout, installPlexus, PLEXUS_IMAGE, plexusLogs, POD_IMAGE } from "../cluster/plexus.ts";
import { makeSite, type Site } from "../cluster/site.ts";

/** Every command of a code block of docs/ that begins with grpcurl. */
async function grpcurlCommands(): Promise<readonly string[]> {
  const pages = (await readdir(checkout("docs"))).filter((file) => file.endsWith(".md"));
  const texts = await Promise.all(pages.map((file) => readFile(checkout("docs", file), "utf8")));
  return texts.flatMap((text) => text.match(/^grpcurl .*$/gm) ?? []);
}

describe("a pod's networks", () => {
  let site: Site;
  let before: string;

  beforeAll(async () => {
    site = await makeSite([POD_IMAGE, PLEXUS_IMAGE]);
    await installBridge(site);
    await installPlexus(site);
    before = await site.traces();
  });
  afterEach(() => site.clear(before));
  afterAll(() => site.destroy());

  it("without an annotation is on the default network alone, and reaches others there", async () => {
    await site.apply(pod("one", { node: MASTER }), pod("two", { node: MASTER }), pod("three", { node: WORKER }));
    await site.ready("one", "two", "three");
    const [one, two] = [await site.addresses("one"), await site.addresses("two")];
    expect(one).toEqual({ eth0: expect.stringMatching(/^10\.85\.0\.\d+\/24$/) });
    expect(await site.addresses("three")).toEqual({ eth0: expect.stringMatching(/^10\.85\.1\.\d+\/24$/) });
    await site.ping("one", two["eth0"]);
    expect(await site.networkStatus("one")).toMatchObject([{ name: "pods", interface: "eth0", default: true }]);
  });

  it.each([
    { why: "in the short form", networks: "blue, default/red@data0" },
    {
      why: "in the JSON form",
      networks: JSON.stringify([{ name: "blue" }, { name: "red", namespace: "default", interface: "data0" }]),
    },
  ])("are asked for $why", async ({ networks }) => {
    const options = { node: MASTER, annotations: { [NETWORKS]: networks } };
    await site.apply(bridgeNetwork("blue", 91), bridgeNetwork("red", 92));
    await site.apply(pod("one", options), pod("two", options));
    await site.ready("one", "two");
    const [one, two] = [await site.addresses("one"), await site.addresses("two")];
    expect(Object.keys(one)).toEqual(["eth0", "net1", "data0"]);
    await site.ping("one", two["net1"]);
    await site.ping("two", one["data0"]);
    expect(await site.networkStatus("one")).toMatchObject([
      { name: "pods", interface: "eth0", default: true },
      { name: "default/blue", interface: "net1", ips: [one["net1"]?.split("/")[0]] },
      { name: "default/red", interface: "data0", ips: [one["data0"]?.split("/")[0]] },
    ]);
    expect(await site.events("one")).toContainEqual(expect.stringMatching(/^AddedInterface: .*eth0.*net1.*data0/s));
    expect(await site.leases(MASTER, "blue")).toHaveLength(2);
  });

  it("take what the JSON form says of addresses into the pod", async () => {
    const networks = JSON.stringify([{ name: "blue", ips: ["10.91.0.77/24"], mac: "02:00:00:00:00:77" }]);
    const bridge = {
      type: "bridge",
      bridge: "br-blue",
      capabilities: { ips: true, mac: true },
      ipam: { type: "static" },
    };
    await site.apply(
      network("blue", { cniVersion: "1.0.0", name: "blue", plugins: [bridge] }),
      pod("one", { annotations: { [NETWORKS]: networks } }),
    );
    await site.ready("one");
    expect(await site.addresses("one")).toMatchObject({ net1: "10.91.0.77/24" });
    expect(await site.networkStatus("one")).toMatchObject([{}, { mac: "02:00:00:00:00:77", ips: ["10.91.0.77"] }]);
  });

  it("may have another default one", async () => {
    await site.apply(bridgeNetwork("blue", 91), pod("one", { annotations: { [DEFAULT_NETWORK]: "default/blue" } }));
    await site.ready("one");
    expect(await site.addresses("one")).toEqual({ eth0: expect.stringMatching(/^10\.91\.0\.\d+\/24$/) });
    expect(await site.networkStatus("one")).toMatchObject([{ name: "default/blue", interface: "eth0", default: true }]);
  });

  it("answer on the host ports that the pod's manifest asks for", async () => {
    await site.apply(pod("one", { node: MASTER, hostPort: 8080 }));
    await site.ready("one");
    const rules = await site.nodes[MASTER].sh("iptables-save -t nat");
    expect(rules).toMatch(/--dport 8080 -j DNAT --to-destination 10\.85\.0\./);
  });

  it("that do not exist keep it from starting, and it says so, until they do", async () => {
    await site.apply(pod("one", { annotations: { [NETWORKS]: "blue" } }));
    await site.event("one", /NoNetworkFound: .*blue/);
    await site.apply(bridgeNetwork("blue", 91));
    await site.ready("one");
    expect(Object.keys(await site.addresses("one"))).toEqual(["eth0", "net1"]);
  });

  it.each(NODES)("may be eight besides the default one, on %s", async (node) => {
    const names = Array.from({ length: 8 }, (_, index) => `many${index}`);
    await site.apply(
      ...names.map((name, index) => bridgeNetwork(name, 100 + index)),
      pod("one", { node, annotations: { [NETWORKS]: names.join(",") } }),
    );
    await site.ready("one");
    expect(Object.keys(await site.addresses("one"))).toEqual(["eth0", ...names.map((_, index) => `net${index + 1}`)]);
    expect(await site.networkStatus("one")).toHaveLength(9);
  });

  it("each grpcurl command of docs/ is answered, with a pod attached", async () => {
    await site.apply(bridgeNetwork("blue", 91), pod("one", { node: MASTER, annotations: { [NETWORKS]: "blue" } }));
    await site.ready("one");
    const sandbox = await site.nodes[MASTER].sh("ls /var/lib/plexus/sandboxes | sed 's/[.].*//' | head -n 1");
    const commands = await grpcurlCommands();
    expect(commands.length).toBeGreaterThan(4);
    for (const command of commands) {
      const script = command.replace("grpcurl", program("grpcurl", "grpcurl")).replace("0123abcd", sandbox.trim());
      expect(await site.nodes[MASTER].sh(script), command).not.toBe("");
    }
    const list = commands.find((command) => command.endsWith("ListSandboxes")) ?? "";
    const seen = await site.nodes[MASTER].sh(list.replace("grpcurl", program("grpcurl", "grpcurl")));
    expect(seen).toContain('"one"');
  });

  it("no daemon was refused by the API server", async () => {
    expect(await plexusLogs(site)).not.toMatch(/\b403\b|[Ff]orbidden/);
  });
});
