import { PlexusError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StatusBoard } from "../../ports/status-board.ts";
import type { ApiClient } from "./api-client.ts";
import { objectKey } from "./api-objects.ts";
import { backoffMs, pause } from "./pause.ts";
import { PATCH_TIMEOUT_MS, patchStatus, type Setback, type StatusWrite } from "./pod-status-patch.ts";
import type { StatusQueue } from "./status-queue.ts";

export interface StatusAnnotationsDeps {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** How long a write is tried for. */
  readonly waitMs: number;
  /** Takes what could not be written in that time; without it, publishing fails. */
  readonly queue: StatusQueue | undefined;
}

const WAITING: Setback = { reason: "others are waiting", retryAfterMs: 0 };

/** Shows a sandbox's network status as an annotation of its pod (spec §3.5, §8.1): one PATCH, with neither a look before nor a PUT. */
export function makeStatusAnnotations({ client, clock, random, waitMs, queue }: StatusAnnotationsDeps): StatusBoard {
  /** Tries until it is written, the time is over, or the next attempt would come too late. */
  async function write(what: StatusWrite, signal: AbortSignal): Promise<Setback> {
    const end = clock.monotonic() + waitMs;
    for (let failures = 0; ; failures++) {
      const left = Math.max(1, Math.ceil(end - clock.monotonic()));
      const setback = await patchStatus(client, what, Math.min(left, PATCH_TIMEOUT_MS), signal);
      if (setback === undefined) return undefined;
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
      if (setback === undefined) return;
      if (queue !== undefined && !signal.aborted) {
        queue.put(what);
        return;
      }
      throw new PlexusError(
        "try-again-later",
        `cannot show the network status of pod ${objectKey(pod)}: ${setback.reason}`,
        { details: "the runtime will try again; see whether the API server can be reached from this node" },
      );
    },

    /** The annotation goes with the pod. */
    async withdraw(sandbox) {
      queue?.drop(sandbox);
    },
  };
}
