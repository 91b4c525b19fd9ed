import { PlexusError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StatusBoard } from "../../ports/status-board.ts";
import type { ApiClient } from "./api-client.ts";
import { objectKey } from "./api-objects.ts";
import { backoffMs, pause } from "./pause.ts";
import { PATCH_TIMEOUT_MS, patchStatus, type Setback, type StatusWrite } from "./pod-status-patch.ts";
import type { StatusQueue } from "./status-queue.ts";
import type { StatusRefusals } from "./status-refusals.ts";

export interface StatusAnnotationsDeps {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** How long a write is tried for. */
  readonly waitMs: number;
  /** Takes what could not be written in that time; without it, publishing fails. */
  readonly queue: StatusQueue | undefined;
  readonly refusals: StatusRefusals;
}

const WAITING: Setback = { reason: "others are waiting", retryAfterMs: 0, passing: true };

/** Shows a sandbox's network status as an annotation of its pod (spec §3.5, §8.1): one PATCH, with neither a look before nor a PUT. */
export function makeStatusAnnotations(deps: StatusAnnotationsDeps): StatusBoard {
  const { client, clock, random, waitMs, queue, refusals } = deps;

  /** Tries until it is written, the time is over, or the next attempt would come too late. */
  async function write(what: StatusWrite, signal: AbortSignal): Promise<Setback> {
    const end = clock.monotonic() + waitMs;
    for (let failures = 0; ; failures++) {
      const left = Math.max(1, Math.ceil(end - clock.monotonic()));
      const setback = await patchStatus(client, what, { timeoutMs: Math.min(left, PATCH_TIMEOUT_MS), signal });
      if (!setback?.passing) return setback;
      const restMs = setback.retryAfterMs + backoffMs(failures, random());
      if (signal.aborted || clock.monotonic() + restMs >= end) return setback;
      await pause(restMs, signal);
    }
  }

  return {
    async publish({ sandbox, pod, podUid, annotation }, status, signal) {
      if (pod === undefined) return;
      const what = { sandbox, pod, podUid, annotation, status };
      // While others are queued the API server is away; and what is written now must not be overwritten by them.
      const setback = queue?.isEmpty() === false ? WAITING : await write(what, signal);
      if (setback === undefined) {
        refusals.accepted();
        return;
      }
      if (queue !== undefined && setback.passing && !signal.aborted) {
        queue.put(what);
        return;
      }
      if (setback.refusal !== undefined) refusals.refused(what, setback);
      throw failureOf(objectKey(pod), setback);
    },

    /** The annotation goes with the pod. */
    async withdraw(sandbox) {
      queue?.drop(sandbox);
    },
  };
}

function failureOf(pod: string, { reason, passing, refusal }: NonNullable<Setback>): PlexusError {
  const message = `cannot show the network status of pod ${pod}: ${reason}`;
  if (refusal !== undefined) return new PlexusError("not-allowed", message, { details: NEXT_IF_REFUSED });
  if (!passing) return new PlexusError("io-failure", message);
  return new PlexusError("try-again-later", message, {
    details: "the runtime will try again; see whether the API server can be reached from this node",
  });
}

/** What to do when the API server refuses. */
const NEXT_IF_REFUSED =
  "the daemon's service account must be allowed to patch pods/status (deploy/base/rbac.yaml), and no policy of the cluster may forbid it";
