/** A pod, slimmed to what deciding its networks needs. Think before adding a field: every pod of the node is kept in memory. */
import type { Namespace, PodName } from "./ids.ts";

export interface PodKey {
  readonly namespace: Namespace;
  readonly name: PodName;
}

export interface Pod extends PodKey {
  /** Empty when the source does not know one (a manifest seldom does). */
  readonly uid: string;
  /** Only the annotations that something here reads. */
  readonly annotations: Readonly<Record<string, string>>;
}

export const NETWORKS_ANNOTATION = "k8s.v1.cni.cncf.io/networks";
/** Replaces the default network for this pod (spec §3.3). */
export const DEFAULT_NETWORK_ANNOTATION = "v1.multus-cni.io/default-network";
/** Of TKE's fork of Multus: all of this pod's networks. */
export const TKE_NETWORKS_ANNOTATION = "tke.cloud.tencent.com/networks";
/** Present and not `api` on a static pod, whose mirror in the API server has another UID (spec §1.3). */
const CONFIG_SOURCE_ANNOTATION = "kubernetes.io/config.source";

/** The annotations a source keeps; all others are dropped at its mouth. */
export const KEPT_POD_ANNOTATIONS: ReadonlySet<string> = new Set([
  NETWORKS_ANNOTATION,
  DEFAULT_NETWORK_ANNOTATION,
  TKE_NETWORKS_ANNOTATION,
  CONFIG_SOURCE_ANNOTATION,
]);

export function isStaticPod(pod: Pod): boolean {
  const source = pod.annotations[CONFIG_SOURCE_ANNOTATION];
  return source !== undefined && source !== "api";
}
