/** Makes the cluster, once for all tests, with Plexus on it. */
import type { TestProject } from "vitest/node";
import { cacheDirectory } from "../../scripts/cluster/cache.ts";
import { type ClusterKey, makeCluster } from "./cluster.ts";
import { awaitNode, install } from "./plexus.ts";

declare module "vitest" {
  export interface ProvidedContext {
    readonly cluster: ClusterKey;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await makeCluster(cacheDirectory());
  try {
    await install(cluster);
    await awaitNode(cluster);
  } catch (error) {
    await cluster.destroy();
    throw error;
  }
  project.provide("cluster", cluster.key);
  return cluster.destroy;
}
