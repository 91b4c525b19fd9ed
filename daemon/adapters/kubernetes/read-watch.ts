import type { Clock } from "../../ports/clock.ts";
import type { ApiClient } from "./api-client.ts";
import { StatusSchema, VersionedSchema, WatchEventSchema } from "./api-objects.ts";
import { type ApiStatus, complaint, statusOf } from "./api-status.ts";
import { type Collection, watchPath } from "./collection.ts";
import { linesOf } from "./lines-of.ts";
import type { Outcome } from "./list-watch-state.ts";
import { messageOf } from "./message-of.ts";

export interface ReadWatchOptions<T> {
  readonly client: ApiClient;
  readonly collection: Collection<T>;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onPresent: (object: T) => void;
  readonly onAbsent: (object: T) => void;
  /** Something arrived, if only a bookmark. */
  readonly onNews: () => void;
  readonly onOddObject: (object: unknown) => void;
}

/** The server ends a watch after 5 to 10 minutes, so that those of a cluster's nodes are not begun anew all at once. */
const LEAST_SECONDS = 300;
/**
 * Bookmarks come about once a minute. One and a half of that without a byte does not prove that the connection is dead; but cutting it
 * costs one request, while a dead one makes every new pod wait. It is no problem to tell of either: of a collection in which nothing ever
 * happened some servers send no bookmark, and if the connection is dead, the next request shows it.
 */
const SILENCE_MS = 90_000;
/** A watch that stood for so long did its work, even if there was nothing to tell. */
const WORKED_MS = 30_000;

/** Watches a collection from a version on, until the connection ends one way or another. Never rejects. */
export async function readWatch<T>(
  from: string,
  { client, collection, clock, random, signal, onPresent, onAbsent, onNews, onOddObject }: ReadWatchOptions<T>,
): Promise<Outcome> {
  const began = clock.monotonic();
  const silent = new AbortController();
  const silence = setTimeout(() => silent.abort(), SILENCE_MS);
  let resourceVersion = from;
  let news = false;
  let answered = false;

  const ended = (what: "interrupted" | "expired", problem: string | undefined, retryAfterMs = 0): Outcome => {
    const progress = news || clock.monotonic() - began >= WORKED_MS;
    return { what, resourceVersion, progress, retryAfterMs, problem };
  };
  const refused = (code: number, status: ApiStatus, retryAfterMs: number): Outcome =>
    ended(EXPIRED.has(code) ? "expired" : "interrupted", complaint(code, status), retryAfterMs);

  /** Returns how it ended, if this event ends it. */
  const take = (line: string): Outcome | undefined => {
    const { type, object } = WatchEventSchema.parse(JSON.parse(line));
    if (type === "ERROR") {
      const status = StatusSchema.parse(object);
      return refused(status.code ?? 500, status, (status.details?.retryAfterSeconds ?? 0) * 1000);
    }
    const version = VersionedSchema.parse(object).metadata.resourceVersion;
    if (type !== "BOOKMARK") {
      const { data } = collection.schema.safeParse(object);
      if (data === undefined) onOddObject(object);
      else if (type === "DELETED") onAbsent(data);
      else onPresent(data);
    }
    resourceVersion = version;
    news = true;
    onNews();
    return undefined;
  };

  try {
    const seconds = LEAST_SECONDS + Math.round(LEAST_SECONDS * random());
    const stream = await client.stream({
      method: "GET",
      path: watchPath(collection, from, seconds),
      accept: collection.acceptWatch,
      timeoutMs: seconds * 1000 + SILENCE_MS,
      signal: AbortSignal.any([signal, silent.signal]),
    });
    if (stream.status !== 200) {
      let body = "";
      for await (const chunk of stream.chunks) body += chunk;
      return refused(stream.status, statusOf({ body }), stream.retryAfterMs);
    }
    answered = true;
    for await (const line of linesOf(stream.chunks, () => silence.refresh())) {
      const outcome = take(line);
      if (outcome !== undefined) return outcome;
    }
    return ended("interrupted", undefined);
  } catch (thrown) {
    if (!silent.signal.aborted) return ended("interrupted", messageOf(thrown));
    return ended("interrupted", answered ? undefined : `nothing was heard for ${SILENCE_MS / 1000} s`);
  } finally {
    clearTimeout(silence);
    silent.abort();
  }
}

/** The version is gone, or the server, or the collection itself, is not the one that gave it. */
const EXPIRED: ReadonlySet<number> = new Set([400, 404, 410]);
