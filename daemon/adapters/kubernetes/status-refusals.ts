import { objectKey } from "./api-objects.ts";
import { pause } from "./pause.ts";
import type { Setback, StatusWrite } from "./pod-status-patch.ts";

/** Whether the API server lets this daemon write network statuses at all. While it does not, no ADD of a pod can succeed. */
export interface StatusRefusals {
  refused(write: StatusWrite, setback: NonNullable<Setback>): void;
  accepted(): void;
  /** Why no status is taken; undefined when they are taken, as far as is known. */
  problem(): string | undefined;
}

export interface StatusRefusalsDeps {
  /** Asks whether the write would be taken, and changes nothing. */
  readonly rehearse: (write: StatusWrite) => Promise<Setback>;
  /** Ends all asking. */
  readonly closed: AbortSignal;
  readonly askAgainMs?: number;
}

/** One pod's refusal may be about that pod, by a policy of the cluster or because of what it asks for. */
const PODS_THAT_PROVE_IT = 2;

/**
 * A node that is not ready gets no pods, so no ADD would ever show that the fault is mended: the last refused write is rehearsed until the API
 * server would take it, or answers anything else than a refusal.
 */
export function makeStatusRefusals({ rehearse, closed, askAgainMs = 10_000 }: StatusRefusalsDeps): StatusRefusals {
  const pods = new Set<string>();
  let reason: string | undefined;
  let last: StatusWrite | undefined;
  let asking = false;

  function accepted(): void {
    pods.clear();
    reason = undefined;
    last = undefined;
  }

  async function askUntilAccepted(): Promise<void> {
    for (;;) {
      await pause(askAgainMs, closed);
      if (closed.aborted || last === undefined) break;
      const setback = await rehearse(last).catch(() => undefined);
      if (setback?.refusal === undefined) accepted();
    }
    asking = false;
  }

  return {
    refused(write, setback) {
      last = write;
      if (pods.size < PODS_THAT_PROVE_IT) pods.add(objectKey(write.pod));
      if (setback.refusal === "of-all" || pods.size >= PODS_THAT_PROVE_IT) reason = setback.reason;
      if (asking) return;
      asking = true;
      void askUntilAccepted();
    },
    accepted,
    problem: () => reason,
  };
}
