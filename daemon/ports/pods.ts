import type { Pod, PodKey } from "../domain/pod.ts";

/** The pods this node may be asked about. */
export interface Pods {
  /**
   * The pod as last seen. One that is not known yet is waited for, as long as the source thinks sensible or until the signal;
   * then the answer is undefined. Never rejects because a pod is absent.
   * @param isMeant a pod that is known and not meant is waited for in the same way: what is known may be older than what the caller knows. When
   * the time is over, the pod that is known is the answer, meant or not.
   */
  get(key: PodKey, signal: AbortSignal, isMeant?: (pod: Pod) => boolean): Promise<Pod | undefined>;
}
