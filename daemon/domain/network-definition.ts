/** A NetworkAttachmentDefinition, slimmed to what running its delegate needs. */
import type { Namespace } from "./ids.ts";
import type { TenantLimits } from "./tenant-limits.ts";

/** Names the resource that a network needs a device of (spec §6.1). */
export const RESOURCE_NAME_ANNOTATION = "k8s.v1.cni.cncf.io/resourceName";

export interface NetworkDefinition {
  readonly namespace: Namespace;
  readonly name: string;
  /** `spec.config` as it was written; empty when absent. */
  readonly config: string;
  /** Absent for the many that need no device. */
  readonly resourceName?: string;
  /** Why no pod can be attached to it; `config` is empty then. */
  readonly problem?: string;
}

/** One that is over the limit keeps its name and loses its config: it must neither fill the memory nor hide the others (issue 11). */
export function makeNetworkDefinition(
  { namespace, name, config, resourceName }: Omit<NetworkDefinition, "problem">,
  { networkConfigBytes }: Pick<TenantLimits, "networkConfigBytes">,
): NetworkDefinition {
  const device = resourceName === undefined || resourceName === "" ? {} : { resourceName };
  const bytes = Buffer.byteLength(config);
  if (bytes <= networkConfigBytes) return { namespace, name, config, ...device };
  const problem = `its spec.config has ${bytes} bytes, more than ${networkConfigBytes} (maxNetworkConfigBytes)`;
  return { namespace, name, config: "", ...device, problem };
}
