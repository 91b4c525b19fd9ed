/** Plexus on the cluster, as docs/install.md installs it: the image of scripts/image/build.sh, and deploy/plexus.yaml. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { groupDirectory } from "../parts.ts";
import { type NodeName, NODES } from "./layout.ts";
import type { Site } from "./site.ts";

type Settings = Readonly<Record<string, unknown>>;

/** A path of the checkout, which the machines see too. */
export const checkout = (...path: readonly string[]): string => join(import.meta.dirname, "../../..", ...path);

export const PLEXUS_IMAGE = checkout("dist/plexus-image.tar");

/** A file of another project's image group: an archive or a manifest. */
export const foreign = (...path: readonly string[]): string => join(groupDirectory("images"), ...path);

/** The archive for pods of tests, which every cluster needs. */
export const POD_IMAGE = foreign("pod.tar");

/** Settings of daemon.json that deploy/plexus.yaml has, and these besides. */
export async function plexusManifest(settings: Settings = {}): Promise<string> {
  const documents = parseAllDocuments(await readFile(checkout("deploy/plexus.yaml"), "utf8"));
  for (const document of documents) {
    if (document.get("kind") !== "ConfigMap") continue;
    const shipped = JSON.parse(document.getIn(["data", "daemon.json"]) as string) as Settings;
    document.setIn(["data", "daemon.json"], JSON.stringify({ ...shipped, ...settings }));
  }
  return documents.map(String).join("---\n");
}

/** Resolves when every node's daemon is ready. */
export async function installPlexus(site: Site, settings?: Settings): Promise<void> {
  await site.hub.write("/run/plexus.yaml", await plexusManifest(settings));
  await site.kubectl("apply", "--filename", "/run/plexus.yaml");
  await site.rolledOut("plexus");
}

/** The name of a node's pod of a DaemonSet. */
export async function podOf(site: Site, daemonSet: string, node: NodeName): Promise<string> {
  const chosen = ["--selector", `app.kubernetes.io/name=${daemonSet}`, "--field-selector", `spec.nodeName=${node}`];
  return (
    await site.kubectl("-n", "kube-system", "get", "pod", ...chosen, "-o", "jsonpath={.items[*].metadata.name}")
  ).trim();
}

/** Every node's daemon log, for what it must not contain. */
export async function plexusLogs(site: Site): Promise<string> {
  const logs = await Promise.all(
    NODES.map(async (node) => site.kubectl("-n", "kube-system", "logs", await podOf(site, "plexus", node))),
  );
  return logs.join("");
}

/** kill -9 of a node's daemon; the kubelet starts it again. */
export async function killDaemon({ nodes }: Site, node: NodeName): Promise<void> {
  // The brackets keep the pattern from matching the shell that has it on its own command line.
  await nodes[node].sh(`kill -KILL $(pgrep -f '[p]lexus-daemon.mjs .*--config /etc/plexus/daemon.json')`);
}
