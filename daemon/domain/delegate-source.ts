import type { Conflist } from "./cni/conf.ts";
import { PlexusError } from "./errors.ts";
import type { Namespace } from "./ids.ts";
import type { NetConf } from "./netconf.ts";
import type { Pod } from "./pod.ts";
import type { AttachmentOptions } from "./selection.ts";

/** A network that a sandbox is to get: what it is called, its configuration, and what the pod asks of it. */
export interface DelegateSource {
  /** `<namespace>/<name>` of its NAD, or the conf's own name: what status, events and messages call it (spec §4.3). */
  readonly network: string;
  readonly conflist: Conflist;
  /** The resource that it needs a device of (spec §6.1). */
  readonly resourceName?: string | undefined;
  /** That device, once one has been assigned. */
  readonly deviceId?: string | undefined;
  /** What the pod asks of it; absent for networks that no pod asked for. */
  readonly selection?: AttachmentOptions | undefined;
}

/** The default network first. */
export type DelegateSources = readonly [DelegateSource, ...DelegateSource[]];

/**
 * With namespace isolation a pod may use the networks of its own namespace and of the global ones (spec §3.4); its default network may also
 * come from where the cluster keeps its own.
 * @throws PlexusError `namespace-forbidden`
 */
export function refuseForeign(
  { isolation, multusNamespace }: Pick<NetConf, "isolation" | "multusNamespace">,
  pod: Pick<Pod, "namespace">,
  target: Namespace,
  as: "default" | "secondary",
): void {
  if (isolation === undefined || target === pod.namespace || isolation.globalNamespaces.includes(target)) return;
  if (as === "default" && target === multusNamespace) return;
  throw new PlexusError(
    "namespace-forbidden",
    `namespace isolation enabled, annotation violates permission, pod is in namespace ${pod.namespace} but refers to target namespace ${target}`,
    {
      details:
        "use a network of the pod's own namespace, or have the administrator add the other one to globalNamespaces",
    },
  );
}

/**
 * A NAD without a config names a conf on the node, which may hold the administrator's secrets. With namespace isolation only NADs of the
 * cluster's own namespaces may do that (issue 11).
 * @throws PlexusError `namespace-forbidden`
 */
export function refuseConfOnNode(
  { isolation, multusNamespace }: Pick<NetConf, "isolation" | "multusNamespace">,
  home: Namespace,
  network: string,
): void {
  if (isolation === undefined || home === multusNamespace || isolation.globalNamespaces.includes(home)) return;
  throw new PlexusError(
    "namespace-forbidden",
    `namespace isolation enabled, network "${network}" has no spec.config and may not name a conf on the node`,
    {
      details: `write the config into the NetworkAttachmentDefinition, or have the administrator add ${home} to globalNamespaces`,
    },
  );
}
