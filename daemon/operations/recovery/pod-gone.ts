import { namespace, podName } from "../../domain/ids.ts";
import { isStaticPod } from "../../domain/pod.ts";
import type { RecordedPod } from "../../domain/sandbox-record.ts";
import type { Pods } from "../../ports/pods.ts";

export interface PodGoneDeps {
  readonly pods: Pods;
  /** @throws PlexusError `not-available` while it is not known which pods there are */
  readonly refuseUnlessSynced: () => void;
}

/**
 * Whether the pod of a sandbox is gone, or replaced by another of its name. A sandbox without a pod has
 * none that could still run.
 * @throws PlexusError `not-available` while that is not known
 */
export async function isPodGone(
  { pods, refuseUnlessSynced }: PodGoneDeps,
  pod: RecordedPod | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  if (pod === undefined) return true;
  refuseUnlessSynced();
  const found = await pods.get({ namespace: namespace(pod.namespace), name: podName(pod.name) }, signal);
  if (found === undefined || isStaticPod(found)) return found === undefined;
  return pod.uid !== "" && found.uid !== "" && found.uid !== pod.uid;
}
