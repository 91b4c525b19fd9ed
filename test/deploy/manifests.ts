import { readFile } from "node:fs/promises";
import type { V1DaemonSet } from "@kubernetes/client-node";
import { parse, parseAllDocuments } from "yaml";
import { here } from "../node/host.ts";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

export interface DaemonSet extends Manifest {
  readonly spec: V1DaemonSet["spec"];
}

export interface ConfigMap extends Manifest {
  readonly data: Readonly<Record<string, string>>;
}

/** The objects in a file of deploy/. */
export async function manifestsIn(file: string): Promise<readonly Manifest[]> {
  const documents = parseAllDocuments(await readFile(here("deploy", file), "utf8"), { strict: true, uniqueKeys: true });
  const problems = documents.flatMap(({ errors }) => errors);
  if (problems.length > 0) throw new Error(`${file}: ${problems.join("; ")}`);
  return documents.map((document) => document.toJS() as Manifest);
}

export interface Kustomization {
  readonly resources: readonly string[];
  readonly patches?: readonly { readonly path: string }[];
}

export async function kustomizationIn(directory: string): Promise<Kustomization> {
  return parse(await readFile(here("deploy", directory, "kustomization.yaml"), "utf8")) as Kustomization;
}

/** deploy/base in one file, as deploy/plexus.yaml is. */
export async function composeBase(): Promise<string> {
  const { resources } = await kustomizationIn("base");
  const texts = await Promise.all(resources.map((file) => readFile(here("deploy/base", file), "utf8")));
  const head =
    "# deploy/base in one file: kubectl apply --filename deploy/plexus.yaml. To change it, see deploy/README.md.\n";
  return head + texts.join("---\n");
}

export async function daemonSetIn(file: string): Promise<DaemonSet> {
  return (await ofKind(file, "DaemonSet")) as DaemonSet;
}

export async function configMapIn(file: string): Promise<ConfigMap> {
  return (await ofKind(file, "ConfigMap")) as ConfigMap;
}

/** The daemon's settings as the ConfigMap in a file has them. */
export async function settingsIn(file: string): Promise<string> {
  return (await configMapIn(file)).data["daemon.json"] ?? "";
}

async function ofKind(file: string, kind: string): Promise<Manifest> {
  const found = (await manifestsIn(file)).find((manifest) => manifest.kind === kind);
  if (found === undefined) throw new Error(`${file} has no ${kind}`);
  return found;
}
