import type { PodEvent } from "../domain/pod-event.ts";
import type { PodKey } from "../domain/pod.ts";

/** Tells the pod's owner. Best effort: never rejects, never makes an operation wait. */
export interface Events {
  report(pod: PodKey & { readonly uid: string }, event: PodEvent): void;
}
