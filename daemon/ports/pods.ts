import type { Pod, PodKey } from "../domain/pod.ts";

/** The pods this node may be asked about. */
export interface Pods {
  /**
   * The pod as last seen. One that is not known yet is waited for, as long as the source thinks sensible or until the signal;
   * then the answer is undefined. Never rejects because a pod is absent.
   */
  get(key: PodKey, signal: AbortSignal): Promise<Pod | undefined>;
}
