import type { SandboxId } from "../domain/ids.ts";
import type { PodKey } from "../domain/pod.ts";

/** Where the pod's network status is shown to others. Rejects with `io-failure`; never because there is nothing to show it on. */
export interface StatusBoard {
  /** Shows `status`, the value of the network-status annotation, in place of what was there. */
  publish(sandbox: SandboxId, pod: PodKey | undefined, status: string): Promise<void>;
  /** Takes it down. Twice is fine. */
  withdraw(sandbox: SandboxId): Promise<void>;
}
