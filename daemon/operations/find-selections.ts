import type { CniArgs } from "../domain/cni/args.ts";
import { PlexusError } from "../domain/errors.ts";
import type { ResolvedSelection } from "../domain/plan.ts";
import { isStaticPod, NETWORKS_ANNOTATION, type Pod, type PodKey } from "../domain/pod.ts";
import { parseSelections, type Selection } from "../domain/selection.ts";
import type { Networks } from "../ports/networks.ts";
import type { Pods } from "../ports/pods.ts";

export interface SelectionDeps {
  readonly pods: Pods;
  readonly networks: Networks;
}

/**
 * What the sandbox's pod asks for beside the default network, in its order. Nothing when the runtime names no pod.
 * @throws PlexusError `try-again-later`, `pod-mismatch`, `network-not-found`, or what is wrong with the annotation
 */
export async function findSelections(
  { pods, networks }: SelectionDeps,
  args: CniArgs,
  signal: AbortSignal,
): Promise<readonly ResolvedSelection[]> {
  if (args.pod === undefined) return [];
  const pod = await knownPod(pods, args.pod, signal);
  refuseAnother(pod, args.podUid);
  const selections = parseSelections(pod.annotations[NETWORKS_ANNOTATION], pod.namespace);
  return selections.map((selection) => resolve(networks, selection));
}

/** Never a made-up answer for a pod that is not known: it would run without its networks, and nobody would notice. */
async function knownPod(pods: Pods, key: PodKey, signal: AbortSignal): Promise<Pod> {
  const pod = await pods.get(key, signal);
  if (pod !== undefined) return pod;
  throw new PlexusError("try-again-later", `pod ${key.namespace}/${key.name} is not known to this node's Plexus yet`, {
    details: "the runtime will ask again; if this goes on, see whether the pod still exists and what the daemon's log says of its pod source",
  });
}

/** A StatefulSet's pod keeps its name when it is made anew; a static pod has another UID in the API server (spec §1.3). */
function refuseAnother(pod: Pod, uid: string): void {
  if (uid === "" || pod.uid === "" || uid === pod.uid || isStaticPod(pod)) return;
  throw new PlexusError("pod-mismatch", `expected pod UID "${uid}" but got "${pod.uid}" from the pod source`, {
    details: "the pod was replaced by another of the same name; this sandbox is out of date",
  });
}

function resolve(networks: Networks, selection: Selection): ResolvedSelection {
  const definition = networks.get(selection.namespace, selection.name);
  if (definition !== undefined) return { selection, definition };
  throw new PlexusError(
    "network-not-found",
    `cannot find a network-attachment-definition (${selection.name}) in namespace (${selection.namespace})`,
    { details: "create the NetworkAttachmentDefinition, or correct the pod's networks annotation" },
  );
}
