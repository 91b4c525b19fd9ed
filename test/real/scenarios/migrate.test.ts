/**
 * docs/migrate.md word by word on two nodes, from Multus by its own manifest and back to it: no
 * pod is restarted, no address is lost, and at every step a pod that starts has both networks. The
 * page's blocks are run in its order; one that cannot be is passed over with the reason.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPage, type Page } from "../../deploy/page.ts";
import { ADMIN_KUBECONFIG, MASTER, NET_D, type NodeName, NODES, WORKER } from "../cluster/layout.ts";
import { installPlainBridge } from "../cluster/networks.ts";
import { bridgeNetwork, type KubeObject, NETWORKS, pod } from "../cluster/objects.ts";
import { checkout, foreign, plexusManifest, PLEXUS_IMAGE, POD_IMAGE } from "../cluster/plexus.ts";
import { makeSite, type Site } from "../cluster/site.ts";
import { until } from "../cluster/until.ts";

const HOME = "/run/checkout";
const LONGEST_SECONDS = "300";
const MULTUS_IMAGE = foreign("multus.tar");
/** The thick plugin writes a .conf, the thin one a .conflist. */
const CONF = `${NET_D}/00-multus.conf*`;

type Owner = "Multus" | "Plexus";

const VARIANTS = [
  { variant: "thick", manifest: "multus-daemonset-thick.yml" },
  { variant: "thin", manifest: "multus-daemonset.yml" },
] as const;

describe.each(VARIANTS)("docs/migrate.md with $variant Multus", ({ variant, manifest }) => {
  let site: Site;
  let page: Page;
  let before: string;
  /** Addresses of pods that are there, which must not change. */
  const attached = new Map<
    string,
    { readonly node: NodeName; readonly addresses: object; readonly identity: string }
  >();

  beforeAll(async () => {
    site = await makeSite([POD_IMAGE, PLEXUS_IMAGE, MULTUS_IMAGE]);
    await installPlainBridge(site);
    page = await openPage("docs/migrate.md", () => undefined);
    // The page calls the thick one's manifest by its name.
    await site.hub.sh(`
      mkdir -p ${HOME} && cp -r ${checkout("deploy")} ${HOME}/
      cp ${foreign(manifest)} ${HOME}/multus-daemonset-thick.yml`);
    await also(`
      kubectl apply --filename multus-daemonset-thick.yml
      kubectl --namespace kube-system rollout status daemonset kube-multus-ds
      kubectl wait --for condition=Established crd --all`);
    await site.apply(bridgeNetwork("blue", 91));
    for (const node of NODES) {
      // Its container has a tenth of a core.
      await until(
        `Multus' conf is on ${node}`,
        async () => ((await site.nodes[node].run(["sh", "-c", `ls ${CONF}`])).status === 0 ? true : undefined),
        { withinMs: 180_000, explain: () => also("kubectl -n kube-system logs daemonset/kube-multus-ds --tail 20") },
      );
    }
    before = await site.traces();
  });
  afterAll(() => site.destroy());

  /** Runs what is not on the page, or only in its prose, as the page's own commands are run. */
  const also = (script: string): Promise<string> =>
    site.hub.sh(`cd ${HOME} && exec timeout ${LONGEST_SECONDS} sh -e -c "exec 2>&1; $SCRIPT"`, {
      env: { SCRIPT: script, KUBECONFIG: ADMIN_KUBECONFIG },
    });
  /** Runs the page's next block, which begins so. */
  const run = (beginning: string, node?: NodeName): Promise<string> => also(named(page.next(beginning), node));
  const named = (block: string, node: NodeName | undefined): string =>
    node === undefined ? block : block.replaceAll(/\bNODE\b/g, node);

  const identityOf = async (name: string): Promise<string> =>
    site.kubectl("get", "pod", name, "-o", "jsonpath={.metadata.uid} {.status.containerStatuses[*].restartCount}");

  /** Which of the two has the pod on record. */
  async function ownerOf(name: string, node: NodeName): Promise<Owner> {
    const records = `grep -l '"name":"${name}"' /var/lib/plexus/sandboxes/*.json`;
    return (await site.nodes[node].run(["sh", "-c", records])).status === 0 ? "Plexus" : "Multus";
  }

  /** @param owner who must have attached it; either may have while the node changes over */
  async function comes(name: string, node: NodeName, owner?: Owner): Promise<void> {
    await site.apply(pod(name, { node, annotations: { [NETWORKS]: "blue" } }));
    await site.ready(name);
    const addresses = await site.addresses(name);
    expect(addresses, name).toEqual({
      eth0: expect.stringMatching(/^10\.85\./),
      net1: expect.stringMatching(/^10\.91\.0\./),
    });
    if (owner !== undefined) expect(await ownerOf(name, node), name).toBe(owner);
    attached.set(name, { node, addresses, identity: await identityOf(name) });
  }

  async function goes(...names: readonly string[]): Promise<void> {
    await site.kubectl("delete", "pod", ...names, "--timeout=120s");
    for (const name of names) attached.delete(name);
  }

  /** No pod was restarted, none has lost an address, and no address is in two hands. */
  async function allUnharmed(): Promise<void> {
    for (const [name, { addresses, identity }] of attached) {
      expect(await site.addresses(name), name).toEqual(addresses);
      expect(await identityOf(name), name).toBe(identity);
    }
    for (const node of NODES) {
      const here = [...attached.values()].filter((each) => each.node === node).length;
      await until(`${node} has ${here} addresses of blue`, async () =>
        (await site.leases(node, "blue")).length === here ? true : undefined,
      );
    }
  }

  const sandboxesOfMultus = async (node: NodeName): Promise<readonly string[]> =>
    (await site.nodes[node].sh("ls /var/lib/cni/multus 2>/dev/null || true"))
      .split("\n")
      .filter((file) => /^[0-9a-f]{64}$/.test(file));

  it("before: pods of both nodes are Multus'", async () => {
    await comes("before0", MASTER, "Multus");
    await comes("before1", WORKER, "Multus");
    await comes("stays0", MASTER, "Multus");
    await comes("stays1", WORKER, "Multus");
  });

  it("steps 1 and 2: Plexus is applied and starts nowhere", async () => {
    const settings = JSON.parse(page.next("{")) as Readonly<Record<string, unknown>>;
    await site.hub.write(`${HOME}/deploy/plexus.yaml`, await plexusManifest(settings));
    page.skip("args: [install, ", "for it is CRI-O's");
    await run("kubectl label nodes --all plexus=off");
    await run("kubectl apply --filename deploy/plexus.yaml");
    await comes("still0", MASTER, "Multus");
    await allUnharmed();
  });

  it("steps 3 and 4: node by node, new pods become Plexus', and those of Multus go as they should", async () => {
    const [letOn, see] = [page.next("kubectl label node NODE plexus-"), page.next("POD=$(kubectl")];
    for (const node of NODES) {
      await Promise.all([also(named(letOn, node)), comes(`between-${node}`, node)]);
      const seen = await also(named(see, node));
      expect(seen).toContain("00-a-plexus.json");
      expect(seen).toContain(`"clusterNetwork": "${NET_D}/10-pods.conf"`);
      for (const sandbox of await sandboxesOfMultus(node)) expect(seen).toContain(`\n${sandbox}\n`);
      await comes(`after-${node}`, node, "Plexus");
    }
    await goes("still0", "before0", "before1");
    await allUnharmed();
  });

  it("Multus may restart meanwhile, and leaves its conf as it was", async () => {
    const conf = await site.nodes[MASTER].sh(`cat ${CONF}`);
    await also(`
      kubectl --namespace kube-system rollout restart daemonset kube-multus-ds
      kubectl --namespace kube-system rollout status daemonset kube-multus-ds`);
    await comes("restarted", MASTER, "Plexus");
    expect(await site.nodes[MASTER].sh(`cat ${CONF}`)).toBe(conf);
  });

  it("steps 5 and 6: Multus is taken away, and its pods are deleted by Plexus from its notes", async () => {
    await run("kubectl --namespace kube-system delete daemonset kube-multus-ds");
    await run("for pod in");
    await comes("alone", WORKER, "Plexus");
    await allUnharmed();
    await goes("stays0", "stays1", "restarted", ...NODES.flatMap((node) => [`between-${node}`, `after-${node}`]));
    await allUnharmed();
    for (const node of NODES) expect(await sandboxesOfMultus(node)).toEqual([]);
  });

  it("back, steps 1 to 4: node by node to Multus again, and the last pods of Plexus' are finished by the uninstaller", async () => {
    const fork = "for the page's steps are the same, and TKE's fork cannot be had";
    page.skip("{", fork);
    page.skip("{", fork);
    await comes("ours0", MASTER, "Plexus");
    await run("kubectl apply --filename multus-daemonset-thick.yml");
    await comes("beside0", MASTER, "Plexus");
    await run("kubectl apply --filename deploy/uninstall.yaml");
    const giveBack = page.next("kubectl label node NODE plexus=off");
    for (const node of NODES) {
      await Promise.all([also(named(giveBack, node)), comes(`back-${node}`, node)]);
      await until(
        `Plexus' conf is gone from ${node}`,
        async () =>
          (await site.nodes[node].run(["test", "-e", `${NET_D}/00-a-plexus.json`])).status === 1 ? true : undefined,
        { withinMs: 120_000 },
      );
      await comes(`last-${node}`, node, "Multus");
    }
    await allUnharmed();
    const waiting = run("kubectl --namespace kube-system logs --selector app.kubernetes.io/name=plexus-uninstall");
    await goes("ours0", "beside0", "alone", ...NODES.map((node) => `back-${node}`));
    expect(await waiting).toContain("default/ours0");
  }, 600_000);

  it("step 5: Plexus is gone, and nothing is left of either when the pods are", async () => {
    await run("kubectl --namespace kube-system delete daemonset plexus plexus-uninstall");
    await goes(...NODES.map((node) => `last-${node}`));
    await site.tracesAre(before);
    for (const node of NODES) {
      expect(
        await site.nodes[node].sh(`ls ${NET_D} | grep plexus; ls -A /run/plexus /var/lib/plexus 2>/dev/null; true`),
      ).not.toMatch(/plexus\.(conf|json|sock)|sandboxes/);
    }
    page.end();
  });

  it(`the manifest is Multus' own (${variant})`, async () => {
    const [crd] = (await readFile(foreign(manifest), "utf8"))
      .split("---")
      .filter((each) => each.includes("kind: CustomResourceDefinition"));
    expect(crd).toContain("network-attachment-definitions.k8s.cni.cncf.io");
    const { items } = await site.read<{ readonly items: readonly KubeObject[] }>("-n", "kube-system", "daemonsets");
    expect(items.map(({ metadata }) => metadata.name)).toEqual(["kube-multus-ds"]);
  });
});
