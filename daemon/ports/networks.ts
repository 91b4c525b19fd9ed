import type { Namespace } from "../domain/ids.ts";
import type { NetworkDefinition } from "../domain/network-definition.ts";

/** The NetworkAttachmentDefinitions of the cluster, or of the manifest directory. Answers from memory. */
export interface Networks {
  get(namespace: Namespace, name: string): NetworkDefinition | undefined;
}
