import type { SandboxId } from "../../domain/ids.ts";
import type { ApiClient } from "./api-client.ts";
import { objectKey } from "./api-objects.ts";
import type { Notices } from "./notices.ts";
import { backoffMs, pause } from "./pause.ts";
import { PATCH_TIMEOUT_MS, patchStatus, type StatusWrite } from "./pod-status-patch.ts";

export interface QueuedStatus extends StatusWrite {
  readonly sandbox: SandboxId;
}

/** Network statuses that wait for the API server, the latest of each pod. In memory only. */
export interface StatusQueue {
  isEmpty(): boolean;
  put(write: QueuedStatus): void;
  drop(sandbox: SandboxId): void;
  /** How many were lost because the queue was full. */
  lost(): number;
  /** Resolves when nothing is being delivered. */
  idle(): Promise<void>;
}

export interface StatusQueueDeps {
  readonly client: ApiClient;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly notices: Notices;
  /** Ends all delivering. */
  readonly closed: AbortSignal;
}

const LONGEST = 1_000;
const SUBJECT = "network statuses";

export function makeStatusQueue({ client, random, notices, closed }: StatusQueueDeps): StatusQueue {
  const waiting = new Map<string, QueuedStatus>();
  let delivering: Promise<void> | undefined;
  let lost = 0;

  /** One after the other: when the API server comes back, it has all nodes to serve. */
  async function deliver(): Promise<void> {
    for (let failures = 0; !closed.aborted;) {
      const [first] = waiting;
      if (first === undefined) break;
      const [key, write] = first;
      const setback = await patchStatus(client, write, { timeoutMs: PATCH_TIMEOUT_MS, signal: closed });
      const latest = waiting.get(key);
      if (setback?.passing !== true) {
        failures = 0;
        if (setback !== undefined) notices.problem(SUBJECT, `that of pod ${key} is given up: ${setback.reason}`);
        if (latest === write) waiting.delete(key);
        continue;
      }
      // To the end of the line, so that one that always fails does not hold up the others.
      waiting.delete(key);
      if (latest !== undefined) waiting.set(key, latest);
      notices.problem(SUBJECT, `kept until the API server takes them: ${setback.reason}`);
      await pause(setback.retryAfterMs + backoffMs(failures++, random()), closed);
    }
    delivering = undefined;
    if (waiting.size === 0) notices.over(SUBJECT);
    else notices.problem(`${SUBJECT} lost`, `${waiting.size} were still waiting for the API server at the end`);
  }

  return {
    isEmpty: () => waiting.size === 0,
    put(write) {
      const key = objectKey(write.pod);
      waiting.set(key, write);
      for (const oldest of [...waiting.keys()].slice(0, Math.max(0, waiting.size - LONGEST))) {
        waiting.delete(oldest);
        lost++;
        notices.problem(
          `${SUBJECT} lost`,
          `more than ${LONGEST} pods' wait for the API server; that of ${oldest} was dropped`,
        );
      }
      delivering ??= deliver();
    },
    drop(sandbox) {
      for (const [key, write] of waiting) if (write.sandbox === sandbox) waiting.delete(key);
    },
    lost: () => lost,
    idle: async () => delivering,
  };
}
