import type { Clock } from "../../ports/clock.ts";
import type { Events } from "../../ports/events.ts";
import type { ApiClient, ApiRequest } from "./api-client.ts";
import { objectKey } from "./api-objects.ts";
import { complaint, isPassing, statusOf } from "./api-status.ts";
import { countEvent, createEvent, type EventReport, newEventName } from "./event-requests.ts";
import { messageOf } from "./message-of.ts";
import type { Notices } from "./notices.ts";
import { backoffMs, pause } from "./pause.ts";

export interface PodEventsDeps {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly notices: Notices;
  readonly nodeName: string;
  /** Ends all sending. */
  readonly closed: AbortSignal;
}

export interface PodEvents extends Events {
  /** How many never reached the API server. */
  lost(): number;
  /** Resolves when nothing is being sent. */
  idle(): Promise<void>;
}

const LONGEST_QUEUE = 1_000;
const MOST_REMEMBERED = 1_000;
/** The same again within this time is counted, not told anew. */
const SAME_WITHIN_MS = 600_000;
const ATTEMPTS = 3;
const ATTEMPT_TIMEOUT_MS = 5_000;
const SUBJECT = "events";

/** Events beside the pod (spec §8.2), sent one after the other when there is time. */
export function makePodEvents({ client, clock, random, notices, nodeName, closed }: PodEventsDeps): PodEvents {
  const queue: EventReport[] = [];
  /** The event that stands for a report, by what makes reports the same; the latest told last. */
  const told = new Map<string, { readonly name: string; readonly count: number; readonly at: number }>();
  let sending: Promise<void> | undefined;
  let lost = 0;

  function lose(why: string): void {
    lost++;
    if (!closed.aborted) notices.problem(SUBJECT, `some are dropped: ${why}`);
  }

  async function sendAll(): Promise<void> {
    for (let next = queue.shift(); next !== undefined && !closed.aborted; next = queue.shift()) {
      const problem = await send(next);
      if (problem === undefined) notices.over(SUBJECT);
      else lose(problem);
    }
    sending = undefined;
  }

  /** Resolves with what went wrong. */
  async function send(report: EventReport): Promise<string | undefined> {
    const { pod, event, at } = report;
    const same = [objectKey(pod), pod.uid, event.reason, event.message].join("\n");
    const before = told.get(same);
    if (before !== undefined && at - before.at < SAME_WITHIN_MS) {
      const count = before.count + 1;
      const answer = await attempt(countEvent(report, before.name, count));
      if (answer.problem !== undefined) return answer.problem;
      // The API server forgets events after an hour or so, sooner where it is told to.
      if (answer.status !== 404) {
        remember(same, { name: before.name, count, at });
        return undefined;
      }
    }
    const name = newEventName(pod);
    const { problem } = await attempt(createEvent(report, name, nodeName));
    if (problem === undefined) remember(same, { name, count: 1, at });
    return problem;
  }

  async function attempt(
    request: Omit<ApiRequest, "timeoutMs" | "signal">,
  ): Promise<{ readonly status?: number; readonly problem?: string }> {
    // Not found: what is to be counted is gone. Conflict: an earlier attempt did create it, but its answer was lost.
    const settled = request.method === "PATCH" ? 404 : 409;
    for (let attempts = 1; ; attempts++) {
      const answer = await client
        .request({ ...request, timeoutMs: ATTEMPT_TIMEOUT_MS, signal: closed })
        .catch((thrown: unknown) => ({ status: 503, retryAfterMs: 0, body: "", problem: messageOf(thrown) }));
      const { status } = answer;
      if (status < 300 || status === settled) return { status };
      const problem = "problem" in answer ? answer.problem : complaint(status, statusOf(answer));
      if (attempts === ATTEMPTS || closed.aborted || !isPassing(status)) return { problem };
      await pause(answer.retryAfterMs + backoffMs(attempts, random()), closed);
    }
  }

  function remember(same: string, event: { name: string; count: number; at: number }): void {
    told.delete(same);
    told.set(same, event);
    const [oldest] = told.keys();
    if (told.size > MOST_REMEMBERED && oldest !== undefined) told.delete(oldest);
  }

  return {
    report(pod, event) {
      if (closed.aborted) return;
      if (queue.length >= LONGEST_QUEUE) {
        lose(`more than ${LONGEST_QUEUE} wait for the API server`);
        return;
      }
      queue.push({ pod, event, at: clock.now() });
      sending ??= sendAll();
    },
    lost: () => lost,
    idle: async () => sending,
  };
}
