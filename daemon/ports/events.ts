import type { PodKey } from "../domain/pod.ts";

/** Something that the pod's owner should see beside the pod (`kubectl describe`, `kubectl events`). */
export interface PodEvent {
  readonly type: "Normal" | "Warning";
  /** `AddedInterface`, `NoNetworkFound`. */
  readonly reason: string;
  readonly message: string;
}

/** Tells the pod's owner. Best effort: never rejects, never makes an operation wait. */
export interface Events {
  report(pod: PodKey & { readonly uid: string }, event: PodEvent): void;
}
