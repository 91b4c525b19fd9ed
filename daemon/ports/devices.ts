import type { Pod } from "../domain/pod.ts";
import type { PodDevices } from "../domain/pod-devices.ts";

/** Somebody who sets devices apart for pods: the kubelet, or the cluster with its resource claims (spec §6). */
export interface Devices {
  /**
   * A pod that has none, or that is not known there, has an empty map.
   * Rejects with `try-again-later` when it cannot be asked just now or the signal is raised first, with `device-missing` when what it says of
   * this pod does not hold together, and with `io-failure` or `decode-failure` when it cannot be asked on this node at all.
   * @param pod its uid is the one that the kubelet knows it by, which for a static pod is not its mirror's; empty when not known
   */
  ofPod(pod: Pick<Pod, "namespace" | "name" | "uid">, signal: AbortSignal): Promise<PodDevices>;
}
