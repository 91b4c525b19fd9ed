/** Pods as users wrote them, from test/fixtures/. */
import { checkout } from "./plexus.ts";
import type { KubeObject } from "./objects.ts";
import { IMAGE } from "./layout.ts";
import type { Site } from "./site.ts";

/** As written and as kubectl reads it, but for image and command, which are of no consequence and cannot be had. */
export async function userPod({ kubectl }: Site, report: "report-a" | "report-b", file: string): Promise<KubeObject> {
  const path = checkout("test/fixtures", report, file);
  const object = JSON.parse(await kubectl("create", "--dry-run=client", "-o", "json", "-f", path)) as KubeObject;
  const spec = { ...(object["spec"] as object), terminationGracePeriodSeconds: 1 };
  return { ...object, spec: { ...spec, containers: [{ name: "main", image: IMAGE, imagePullPolicy: "Never" }] } };
}
