/** Pods as users wrote them. */
import { readFile } from "node:fs/promises";
import type { Cluster } from "./cluster.ts";
import { IMAGE } from "./components.ts";
import { here } from "./plexus.ts";
import type { KubeObject } from "./site.ts";

type Report = "report-a" | "report-b";

const pathOf = (report: Report, name: string): string => here("test/fixtures", report, name);

export const fixture = (report: Report, name: string): Promise<string> => readFile(pathOf(report, name), "utf8");

/** As written and as kubectl reads it, but for image and command, which are of no consequence here and not to be had. */
export async function userPod({ kubectl }: Cluster, report: Report, file: string): Promise<KubeObject> {
  const read = await kubectl("create", "--dry-run=client", "-o", "json", "-f", pathOf(report, file));
  const object = JSON.parse(read) as KubeObject & { readonly spec: object };
  const containers = [{ name: "main", image: IMAGE, imagePullPolicy: "Never" }];
  return { ...object, spec: { ...object.spec, containers } };
}
