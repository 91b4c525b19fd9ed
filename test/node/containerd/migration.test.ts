/** A node whose pods Multus attached becomes ours, and goes back, step by step as docs/migrate.md says, with containerd at work on it. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { grpcClient } from "../../server/grpc-client.ts";
import { BIN, MANIFESTS, podArgs } from "../plexus.ts";
import { describeWithContainerd } from "./containerd.ts";
import { sectionOfGuide } from "./migration-guide.ts";
import { AT_ONCE, BACK, type Site, type Step, stopUninstaller, TO_PLEXUS } from "./migration-steps.ts";
import { type Multus, multusOn, NET_D, PRIMARY } from "./multus-node.ts";
import { BLUE, makeNode, type Node, PODS, pods } from "./node.ts";

const PORTS = { port_mappings: [{ protocol: "TCP", container_port: 80, host_port: 8080 }] } as const;

const [settings = {}] = (await sectionOfGuide("Before")).examples;
const [forkSettings = {}, forkConf = {}] = (await sectionOfGuide("From TKE's fork")).examples;

/** The guide's, but for what is the cluster's and the container's. */
const daemonJson = (fromGuide: Readonly<Record<string, unknown>>): object => ({
  ...Object.fromEntries(Object.entries(fromGuide).filter(([key]) => key !== "hostMountNamespace")),
  manifestDir: MANIFESTS,
  podWaitMs: 500,
});
const OF_MULTUS = { "daemon.json": daemonJson(settings) };
const OF_FORK = {
  "daemon.json": daemonJson(forkSettings),
  "00-a-plexus.json": { ...forkConf, defaultDelegates: "pods" },
};

describeWithContainerd("containerd, on a node that changes hands", () => {
  let node: Node;
  let site: Site | undefined;

  beforeAll(async () => {
    node = await makeNode({
      [`${NET_D}/${PRIMARY}`]: PODS,
      [`${NET_D}/multus/10-pods.conflist`]: PODS,
      [`${NET_D}/multus/20-blue.conf`]: BLUE,
    });
  });
  afterEach(async () => {
    await node.removeAll();
    await node.plexus.terminate();
    await stopUninstaller({ uninstaller: site?.uninstaller });
    await node.host.sh(`rm -rf ${NET_D}/00-* /run/multus /var/lib/plexus`);
  });
  afterAll(() => node.stop());

  /** What the API server would know of a pod. It asks for the same networks in both dialects. */
  async function declare(pod: string): Promise<void> {
    const { metadata, ...rest } = JSON.parse(pods([pod], "blue")) as { readonly metadata: { annotations: object } };
    const annotations = { ...metadata.annotations, "tke.cloud.tencent.com/networks": "pods, blue" };
    await node.host.write(
      `${MANIFESTS}/${pod}.json`,
      JSON.stringify({ ...rest, metadata: { ...metadata, annotations } }),
    );
  }

  /** A node that Multus has, with a pod of its. */
  async function settle(multus: Multus, configMap: Site["configMap"], installAs: readonly string[]): Promise<Site> {
    site = {
      node,
      multus,
      configMap,
      installAs,
      async comeAndGo(pod) {
        await declare(pod);
        const sandbox = await node.runInTheEnd(pod);
        expect(Object.keys(await node.addresses(sandbox))).toEqual(multus.interfaces);
        await node.remove(sandbox);
        await node.host.sh(`rm ${MANIFESTS}/${pod}.json`);
      },
      ours: { pod: "", sandbox: "" },
      uninstaller: undefined,
    };
    await multus.start();
    await inUse(multus.type);
    return site;
  }
  const inUse = (type: string): Promise<void> => expect.poll(() => node.netConfType(), { timeout: 15_000 }).toBe(type);

  async function attach(pod: string): Promise<{ readonly pod: string; readonly sandbox: string }> {
    await declare(pod);
    return { pod, sandbox: await node.run(pod, PORTS) };
  }

  /** Goes through the steps. After each of them, what was there has what it had. */
  async function follow(
    steps: readonly Step[],
    at: Site,
    sandboxes: readonly string[],
    meanwhile: () => Promise<void>,
  ): Promise<void> {
    const attached = (): Promise<unknown> => Promise.all(sandboxes.map((sandbox) => node.addresses(sandbox)));
    const before = await attached();
    for (const { title, then, act } of steps.filter((step) => step.act !== undefined)) {
      await act?.(at);
      await inUse(then === "Plexus" ? "plexus" : at.multus.type);
      await meanwhile();
      expect(await attached(), title).toEqual(before);
    }
  }
  const nothing = async (): Promise<void> => undefined;

  /** The interfaces of each sandbox that the daemon knows. */
  async function known(): Promise<Readonly<Record<string, readonly string[]>>> {
    const client = grpcClient(`/proc/${String(node.plexus.pid)}/root/run/plexus/plexus-operator.sock`);
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
    {
      why: "Multus' thick plugin",
      flavour: "thick",
      configMap: OF_MULTUS,
      installAs: ["multus-shim"],
    },
    { why: "thin Multus", flavour: "thin", configMap: OF_MULTUS, installAs: [] },
    { why: "TKE's fork", flavour: "fork", configMap: OF_FORK, installAs: [] },
  ] as const)(
    "from $why to Plexus and back, a pod that comes after any step has its networks, and nothing of it is left",
    { timeout: 120_000 },
    async ({ flavour, configMap, installAs }) => {
      const multus = multusOn(node.host, flavour);
      const at = await settle(multus, configMap, installAs);
      const probe = (): Promise<void> => at.comeAndGo("probe");
      const theirs = await attach("theirs");
      expect(Object.keys(await node.addresses(theirs.sandbox))).toEqual(multus.interfaces);

      await follow(TO_PLEXUS, at, [theirs.sandbox], probe);
      expect(await known()).toEqual({ [theirs.sandbox]: multus.interfaces });
      await node.remove(theirs.sandbox);
      expect(await node.leftovers()).toBe("");

      at.ours = await attach("ours");
      await follow(BACK.slice(0, 3), at, [at.ours.sandbox], probe);
      await follow(BACK.slice(3), at, [], probe);
      expect(await node.leftovers()).toBe("");
    },
  );

  it("goes back to Multus at once, which deletes what was ours by the notes that it is given", async () => {
    const multus = multusOn(node.host, "thick");
    const at = await settle(multus, OF_MULTUS, []);
    await follow(TO_PLEXUS, at, [], nothing);
    await multus.start();
    const ours = await attach("ours");
    await follow(AT_ONCE, at, [ours.sandbox], nothing);
    await at.comeAndGo("probe");
    await node.remove(ours.sandbox);
    expect(await node.leftovers()).toBe("");
  });

  it("deletes a pod of Multus' for a runtime that calls Multus' executable with the conf of ADD", async () => {
    const multus = multusOn(node.host, "thick");
    const at = await settle(multus, OF_MULTUS, [multus.type]);
    const theirs = await attach("theirs");
    const stdin = await multus.conf();
    await follow(TO_PLEXUS, at, [theirs.sandbox], nothing);
    const env = {
      CNI_COMMAND: "DEL",
      CNI_CONTAINERID: theirs.sandbox,
      CNI_NETNS: (await node.status(theirs.sandbox)).netns,
      CNI_IFNAME: "eth0",
      CNI_ARGS: podArgs("theirs"),
      CNI_PATH: BIN,
    };
    expect(await node.host.run([`${BIN}/${multus.type}`], { env, stdin })).toMatchObject({ status: 0 });
    expect(await node.addresses(theirs.sandbox)).toEqual({});
    expect(await node.host.sh(`find ${multus.notes} -type f`)).toBe("");
  });

  it("removes a pod of Multus' while our daemon is away, which does its part when it is back", async () => {
    const multus = multusOn(node.host, "thick");
    const at = await settle(multus, OF_MULTUS, []);
    const theirs = await attach("theirs");
    await follow(TO_PLEXUS, at, [theirs.sandbox], nothing);
    await node.plexus.terminate();
    await node.remove(theirs.sandbox);
    expect(await node.host.sh(`ls ${multus.notes}`)).toBe(`${theirs.sandbox}\nresults\n`);
    await node.plexus.start();
    expect(await node.leftovers()).toBe("");
  });

  it("stays Multus' when ours has a name that a Multus that restarts takes for its default network", async () => {
    const multus = multusOn(node.host, "thick");
    const unnamed = { ...OF_MULTUS["daemon.json"], cniConfigFile: "00-plexus.conf" };
    const at = await settle(multus, { "daemon.json": unnamed }, []);
    await follow(TO_PLEXUS.slice(0, 2), at, [], nothing);
    await node.plexus.start();
    await expect.poll(() => node.host.sh(`ls ${NET_D}`), { timeout: 15_000 }).toContain("00-plexus.conf");
    await multus.start();
    expect(JSON.parse(await multus.conf())).toMatchObject({ clusterNetwork: `/host${NET_D}/00-plexus.conf` });
    await inUse(multus.type);
  });
});
