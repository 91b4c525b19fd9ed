import type { Pod } from "../domain/pod.ts";

/** Which devices a node has: those of one pod, per resource, by id, each list sorted and without repetition. */
export type PodDevices = ReadonlyMap<string, readonly string[]>;

/** The devices that the kubelet, or the cluster's resource claims, set apart for pods (spec §6). */
export interface Devices {
  /**
   * A pod that has none has an empty map. Rejects with `try-again-later` when whoever knows cannot be asked just now or the signal is raised
   * first, and with `io-failure` when it cannot be found out on this node at all.
   */
  ofPod(pod: Pod, signal: AbortSignal): Promise<PodDevices>;
}
