/** The pod of a sandbox. */
import type { CniArgs } from "../../domain/cni/args.ts";
import { PlexusError } from "../../domain/errors.ts";
import { isStaticPod, type Pod, type PodKey } from "../../domain/pod.ts";
import type { Pods } from "../../ports/pods.ts";

/**
 * The pod that the runtime names, once it is known; undefined when it names none.
 * @throws PlexusError `try-again-later`, `pod-mismatch`
 */
export async function findPod(pods: Pods, args: CniArgs, signal: AbortSignal): Promise<Pod | undefined> {
  if (args.pod === undefined) return undefined;
  const pod = await knownPod(pods, args.pod, args.podUid, signal);
  if (isAnother(pod, args.podUid)) throw mismatch(pod, args.podUid);
  return pod;
}

/** Never a made-up answer for a pod that is not known: it would run without its networks, and nobody would notice. */
async function knownPod(pods: Pods, key: PodKey, uid: string, signal: AbortSignal): Promise<Pod> {
  // The runtime may know of a new pod before the pod source does.
  const pod = await pods.get(key, signal, (known) => !isAnother(known, uid));
  if (pod !== undefined) return pod;
  throw new PlexusError("try-again-later", `pod ${key.namespace}/${key.name} is not known to this node's Plexus yet`, {
    details:
      "the runtime will ask again; if this goes on, see whether the pod still exists and what the daemon's log says of its pod source",
  });
}

/** A StatefulSet's pod keeps its name when it is made anew; a static pod has another UID in the API server (spec §1.3). */
function isAnother(pod: Pod, uid: string): boolean {
  return uid !== "" && pod.uid !== "" && uid !== pod.uid && !isStaticPod(pod);
}

function mismatch(pod: Pod, uid: string): PlexusError {
  return new PlexusError("pod-mismatch", `expected pod UID "${uid}" but got "${pod.uid}" from the pod source`, {
    details: "the pod was replaced by another of the same name; this sandbox is out of date",
  });
}
