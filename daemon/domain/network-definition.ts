/** A NetworkAttachmentDefinition, slimmed to what running its delegate needs. */
import type { Namespace } from "./ids.ts";

/** Names the resource that a network needs a device of (spec §6.1). */
export const RESOURCE_NAME_ANNOTATION = "k8s.v1.cni.cncf.io/resourceName";

export interface NetworkDefinition {
  readonly namespace: Namespace;
  readonly name: string;
  /** `spec.config` as it was written; empty when absent. */
  readonly config: string;
  /** Absent for the many that need no device. */
  readonly resourceName?: string;
}
