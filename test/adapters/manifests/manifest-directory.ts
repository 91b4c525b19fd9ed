/** A directory of manifests for a test, and what is open on it. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Manifests, type ManifestsOptions, openManifests } from "../../../daemon/adapters/manifests/manifests.ts";
import type { NetworkDefinition } from "../../../daemon/domain/network-definition.ts";
import type { Pod } from "../../../daemon/domain/pod.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

/** So long that no test sees the end of it. */
export const NEVER = 3_600_000;

export interface ManifestDirectory {
  readonly path: string;
  /** Puts a file in place, whole. Anything but text is written as JSON. */
  put(name: string, content: unknown): Promise<void>;
  /** Opened until the test is over. */
  open(options?: Partial<ManifestsOptions>): Promise<Manifests & { readonly problems: readonly string[] }>;
}

export async function manifestDirectory(): Promise<ManifestDirectory> {
  const path = join(await temporaryDirectory(), "manifests");
  await mkdir(path);
  return {
    path,
    put: async (name, content) => {
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await writeFile(join(path, ".being-written"), text);
      await rename(join(path, ".being-written"), join(path, name));
    },
    open: async (options = {}) => {
      const problems: string[] = [];
      const onProblem = (message: string) => problems.push(message);
      const defaults = { directory: path, podWaitMs: NEVER, onProblem, settleMs: 1, rereadMs: NEVER };
      const manifests = await openManifests({ ...defaults, ...options });
      onTestFinished(() => {
        manifests.close();
      });
      return { ...manifests, problems };
    },
  };
}

export function podManifest({ uid, annotations, ...names }: Pod): object {
  return { apiVersion: "v1", kind: "Pod", metadata: { ...names, uid, annotations }, spec: { containers: [] } };
}

export function networkManifest({ config, resourceName, ...names }: NetworkDefinition): object {
  const annotations = { "k8s.v1.cni.cncf.io/resourceName": resourceName, "other.io/note": 7 };
  const metadata = { ...names, annotations };
  return { apiVersion: "k8s.cni.cncf.io/v1", kind: "NetworkAttachmentDefinition", metadata, spec: { config } };
}
