/** A NetworkAttachmentDefinition, slimmed to what running its delegate needs. */
import type { Namespace } from "./ids.ts";

export interface NetworkDefinition {
  readonly namespace: Namespace;
  readonly name: string;
  /** `spec.config` as it was written; empty when absent. */
  readonly config: string;
  /** Annotation `k8s.v1.cni.cncf.io/resourceName`: the network needs a device of that resource (spec §6.1). */
  readonly resourceName?: string | undefined;
}
