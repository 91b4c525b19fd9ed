import type { SandboxId } from "../domain/ids.ts";
import type { PodKey } from "../domain/pod.ts";

/** Whose network status it is. */
export interface StatusTarget {
  readonly sandbox: SandboxId;
  /** Undefined when the runtime named no pod; then there may be nothing to show it on. */
  readonly pod: PodKey | undefined;
  /** The pod's UID, so that a namesake does not get it; empty when not known. */
  readonly podUid: string;
  /** The annotation that shows it, where it is an annotation. */
  readonly annotation: string;
}

/** Where the pod's network status is shown to others. */
export interface StatusBoard {
  /**
   * Shows `status`, the value of the annotation, in place of what was there. A pod that is gone, or was replaced by a
   * namesake, needs no status: that resolves. Rejects with `io-failure` or `try-again-later`, the latter also when the signal is raised first.
   */
  publish(target: StatusTarget, status: string, signal: AbortSignal): Promise<void>;
  /** Takes it down, where a status can outlive its pod. Twice is fine. Rejects with `io-failure`. */
  withdraw(sandbox: SandboxId): Promise<void>;
}
