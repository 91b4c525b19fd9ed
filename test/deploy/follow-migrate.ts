/** docs/migrate.md, from Multus' thick plugin and back to it, with pods that come and go at every step. */
import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { here } from "../node/host.ts";
import { expectIn, expectSame, EXAMPLE, type Guide, MANIFESTS, withSettings } from "./guide.ts";
import { multusManifest } from "./multus-daemonset.ts";

const MULTUS = "multus-daemonset-thick.yml";

export async function followMigrate(guide: Guide): Promise<void> {
  const { next, skip, run, also, change, onNode } = guide;
  await also("ctr --namespace k8s.io images import plexus-image.tar");
  const { comes, goes } = await multusWithPods(guide);
  const before = await onNode();
  await comes("before", "Multus");

  await change(withSettings(next("{")));
  skip("args: [install, ", "for it is CRI-O's");

  await run("kubectl label nodes --all plexus=off");
  await run("kubectl apply --filename deploy/plexus.yaml");
  await comes("still", "Multus");
  await Promise.all([run("kubectl label node NODE plexus-"), comes("between")]);
  const seen = await run("POD=$(kubectl");
  const primary = "/etc/cni/net.d/10-pods.conflist";
  expectIn(seen, "00-a-plexus.json", `"clusterNetwork": "${primary}"`, `"clusterNetwork":"/host${primary}"`);
  const [sandbox = "a sandbox", ...others] = await notes();
  expectIn(seen, ...[sandbox, ...others].map((note) => `\n${note}\n`));
  await comes("after", "Plexus");
  await goes("still");

  // It may, says the guide.
  const conf = await also("cat /etc/cni/net.d/00-multus.conf");
  await also(`
    kubectl --namespace kube-system rollout restart daemonset kube-multus-ds
    kubectl --namespace kube-system rollout status daemonset kube-multus-ds`);
  expectSame("Multus' conf", await also("cat /etc/cni/net.d/00-multus.conf"), conf);

  await run("kubectl --namespace kube-system delete daemonset kube-multus-ds");
  await run("for pod in");
  await comes("alone", "Plexus");
  await goes("before", "between", "after", "alone");
  expectSame("Multus' notes", (await notes()).join("\n"), "");

  const fork = "for the page's steps are the same; test/node/containerd/migration.test.ts goes through them with it";
  skip("{", fork);
  skip("{", fork);

  await comes("ours", "Plexus");
  await run(`kubectl apply --filename ${MULTUS}`);
  await comes("beside", "Plexus");
  await run("kubectl apply --filename deploy/uninstall.yaml");
  await Promise.all([run("kubectl label node NODE plexus=off"), comes("back")]);
  await also("while [ -e /etc/cni/net.d/00-a-plexus.json ]; do sleep 1; done");
  await comes("last", "Multus");
  const waiting = run("kubectl --namespace kube-system logs --selector app.kubernetes.io/name=plexus-uninstall");
  await goes("ours", "beside", "back");
  expectIn(await waiting, "default/ours");
  await run("kubectl --namespace kube-system delete daemonset plexus plexus-uninstall");
  await goes("last");
  expectSame("the node", await onNode(), before);

  async function notes(): Promise<readonly string[]> {
    const files = await also("ls /var/lib/cni/multus");
    return files.split("\n").filter((file) => file !== "" && file !== "results");
  }
}

/** Multus on the node, and pods of the example, which are attached to both networks by whoever the runtime calls. */
async function multusWithPods({ cluster, also, write }: Guide): Promise<{
  /** @param whose only Plexus writes a pod's status here; unless it is given, it may be either's */
  readonly comes: (name: string, whose?: "Multus" | "Plexus") => Promise<void>;
  readonly goes: (...names: readonly string[]) => Promise<void>;
}> {
  const documents = parseAllDocuments(await also(`cat ${EXAMPLE}`));
  const [network, pod] = documents.map((document) => document.toJS() as KubeObject);
  const [crd] = parseAllDocuments(await readFile(here(MANIFESTS), "utf8"));
  const config = JSON.parse(network?.spec["config"] as string) as object;
  await write(MULTUS, `${String(crd)}---\n${multusManifest({ ...config, name: "blue" })}`);
  await write("network.json", JSON.stringify(network));
  await also(`
    kubectl apply --filename ${MULTUS}
    kubectl --namespace kube-system rollout status daemonset kube-multus-ds
    kubectl wait --for condition=Established crd --all
    kubectl apply --filename network.json`);

  const podNamed = (name: string): object => ({
    ...pod,
    metadata: { ...pod?.metadata, name },
    spec: { ...pod?.spec, terminationGracePeriodSeconds: 1 },
  });

  return {
    async comes(name, whose) {
      await write(`${name}.json`, JSON.stringify(podNamed(name)));
      const printed = await also(`
        kubectl apply --filename ${name}.json
        kubectl wait --for condition=Ready pod ${name} --timeout 90s
        kubectl exec ${name} -- ip -4 -o address`);
      expectIn(printed, "eth0", "10.85.", "net1", "10.89.0.");
      const status = await cluster.kubectl("get", "pod", name, "--output", "jsonpath={.metadata.annotations}");
      if (whose !== undefined) {
        expectSame(
          `whose ${name} is`,
          status.includes("k8s.v1.cni.cncf.io/network-status") ? "Plexus" : "Multus",
          whose,
        );
      }
    },
    async goes(...names) {
      await also(`kubectl delete pod ${names.join(" ")} --timeout 90s`);
    },
  };
}

interface KubeObject {
  readonly metadata: object;
  readonly spec: Readonly<Record<string, unknown>>;
}
