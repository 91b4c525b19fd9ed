import type { Pod, PodKey } from "../../domain/pod.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Pods } from "../../ports/pods.ts";
import type { ApiClient } from "./api-client.ts";
import { METADATA_OF_ONE, objectKey, PodSchema } from "./api-objects.ts";
import { complaint, statusOf } from "./api-status.ts";
import { messageOf } from "./message-of.ts";
import type { Notices } from "./notices.ts";
import { pause } from "./pause.ts";
import { makeTokenBucket } from "./token-bucket.ts";
import { untilAborted } from "./until-raised.ts";

export interface ClusterPodsDeps {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly podWaitMs: number;
  /** What is known of the node's pods. */
  readonly known: (key: string) => Pod | undefined;
  /** Ends all waiting. */
  readonly closed: AbortSignal;
}

export interface ClusterPods extends Pods {
  /** To be called when a pod became known. */
  arrived(key: string): void;
}

const GET_TIMEOUT_MS = 5_000;
/** A node starts a few pods per second. More misses than that mean that the watch lags, and the API server is the last to need more work. */
const GETS = { burst: 20, perSecond: 10 };

/**
 * The node's pods, from memory. One that is not there is waited for, then asked for once: the mirror of a static pod turns up late, and a
 * watch may lag (spec §1.3). What the API server answers is not put into memory, where only the watch could take it out again.
 */
export function makeClusterPods({ client, clock, notices, podWaitMs, known, closed }: ClusterPodsDeps): ClusterPods {
  const waiting = new Map<string, Set<() => void>>();
  const asking = new Map<string, Promise<Pod | undefined>>();
  const mayAsk = makeTokenBucket(GETS.burst, GETS.perSecond, clock);

  async function untilArrived(key: string, signal: AbortSignal): Promise<void> {
    const arrived = new AbortController();
    const others = waiting.get(key) ?? new Set();
    const stop = () => arrived.abort();
    waiting.set(key, others.add(stop));
    await pause(podWaitMs, AbortSignal.any([arrived.signal, signal]));
    others.delete(stop);
    if (others.size === 0) waiting.delete(key);
  }

  /** Of a pod that was replaced, the watch may tell several things before it tells of the one that is meant. */
  async function untilMeant(
    key: string,
    isMeant: (pod: Pod) => boolean,
    signal: AbortSignal,
  ): Promise<Pod | undefined> {
    const over = AbortSignal.any([signal, closed, AbortSignal.timeout(podWaitMs)]);
    while (!over.aborted) {
      await untilArrived(key, over);
      const seen = known(key);
      if (seen !== undefined && isMeant(seen)) return seen;
    }
    return undefined;
  }

  /** Together for all who want the same pod. */
  function ask(pod: PodKey): Promise<Pod | undefined> {
    const key = objectKey(pod);
    const under = asking.get(key);
    if (under !== undefined) return under;
    if (!mayAsk()) {
      notices.problem(SUBJECT, "too many pods are unknown to the watch; not all are asked for");
      return Promise.resolve(undefined);
    }
    const asked = get(pod).finally(() => asking.delete(key));
    asking.set(key, asked);
    return asked;
  }

  async function get({ namespace, name }: PodKey): Promise<Pod | undefined> {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
    try {
      const timeoutMs = GET_TIMEOUT_MS;
      const answer = await client.request({ method: "GET", path, accept: METADATA_OF_ONE, timeoutMs, signal: closed });
      if (answer.status === 200 || answer.status === 404) notices.over(SUBJECT);
      else notices.problem(SUBJECT, complaint(answer.status, statusOf(answer)));
      if (answer.status === 200) return PodSchema.parse(JSON.parse(answer.body));
    } catch (thrown) {
      if (!closed.aborted) notices.problem(SUBJECT, messageOf(thrown));
    }
    return undefined;
  }

  return {
    async get(pod, signal, isMeant = () => true) {
      const key = objectKey(pod);
      const seen = known(key);
      if (seen !== undefined && isMeant(seen)) return seen;
      const arrived = await untilMeant(key, isMeant, signal);
      if (arrived !== undefined || signal.aborted || closed.aborted) return arrived ?? known(key);
      // Others may want the answer still.
      return (await untilAborted(ask(pod), signal).catch(() => undefined)) ?? known(key);
    },
    arrived(key) {
      for (const stop of waiting.get(key) ?? []) stop();
    },
  };
}

const SUBJECT = "asking for a pod";
