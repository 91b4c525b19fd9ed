import type { Clock } from "../../ports/clock.ts";
import type { ApiClient } from "./api-client.ts";
import { NamedSchema, objectKey } from "./api-objects.ts";
import type { Collection } from "./collection.ts";
import { advance, firstState } from "./list-watch-state.ts";
import type { Notices } from "./notices.ts";
import { pause } from "./pause.ts";
import { readList } from "./read-list.ts";
import { readWatch } from "./read-watch.ts";

export interface ListWatchDeps {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly notices: Notices;
  /** It is known as a whole for the first time, or followed again after a problem. */
  readonly onConnected: (title: string, count: number) => void;
  /** Ends it. */
  readonly closed: AbortSignal;
}

/** A copy of a collection that follows it. */
export interface ListWatch<T> {
  get(key: string): T | undefined;
  values(): Iterable<T>;
  /** Whether it was read as a whole once. What is not in it after that does not exist, or only just. */
  synced(): boolean;
  /** What keeps it from following, if anything does. */
  problem(): string | undefined;
  /** How many objects it knows. */
  size(): number;
  /** Milliseconds since anything was last heard of it, if only that nothing changed. */
  silentMs(): number;
  /** Resolves after it was closed, when nothing is under way any more. */
  ended(): Promise<void>;
}

/** What can be kept of any object. */
interface Listed {
  readonly namespace: string;
  readonly name: string;
  /** Why it cannot be used, if so. */
  readonly problem?: string;
}

const MOST_NAMED = 20;

/**
 * Lists, watches, and begins again whatever happens, until closed.
 * @param onPresent called with the key of each object that is new or changed
 */
export function startListWatch<T extends Listed>(
  collection: Collection<T>,
  { client, clock, random, notices, onConnected, closed }: ListWatchDeps,
  onPresent: (key: string) => void = () => undefined,
): ListWatch<T> {
  const { title } = collection;
  let items = new Map<string, T>();
  let synced = false;
  let problem: string | undefined;
  let heardAt = clock.monotonic();

  function works(): void {
    heardAt = clock.monotonic();
    if (synced && problem === undefined) return;
    synced = true;
    problem = undefined;
    notices.over(title);
    onConnected(title, items.size);
  }

  function fails(message: string): void {
    // Closing cuts what is under way.
    if (closed.aborted) return;
    problem = message;
    notices.problem(title, message);
  }

  /** Each once, and only the first ones: tenants can make any number of them. */
  const named = new Set<string>();
  function tellPassedOver(key: string, why: string): void {
    if (named.size < MOST_NAMED) named.add(key);
    if (named.has(key)) notices.problem(`${title} ${key}`, why);
    else notices.problem(title, `more than ${MOST_NAMED} cannot be used; ListNetworks names all of them`);
  }

  const options = {
    client,
    collection,
    clock,
    random,
    signal: closed,
    onItems: (all: Map<string, T>) => {
      items = all;
      if (synced) heardAt = clock.monotonic();
      else works();
      for (const [key, { problem: why }] of all) {
        if (why !== undefined) tellPassedOver(key, why);
        onPresent(key);
      }
    },
    onPresent: (object: T) => {
      const key = objectKey(object);
      items.set(key, object);
      if (object.problem !== undefined) tellPassedOver(key, object.problem);
      onPresent(key);
    },
    onAbsent: (object: T) => items.delete(objectKey(object)),
    onNews: works,
    onOddObject: (object: unknown) => {
      const { data } = NamedSchema.safeParse(object);
      const key = data === undefined ? "an object without a name" : objectKey(data.metadata);
      tellPassedOver(key, "it is not what it should be, and is passed over");
    },
  };

  async function follow(): Promise<void> {
    let state = firstState(collection.fromMemory);
    while (!closed.aborted) {
      const outcome =
        state.next === "list" ? await readList(state, options) : await readWatch(state.resourceVersion, options);
      if (outcome.what !== "listed" && outcome.problem !== undefined) fails(outcome.problem);
      const step = advance(state, outcome, random());
      state = step.state;
      await pause(step.waitMs, closed);
    }
  }

  const followed = follow();
  return {
    get: (key) => items.get(key),
    values: () => items.values(),
    synced: () => synced,
    problem: () => problem,
    size: () => items.size,
    silentMs: () => clock.monotonic() - heardAt,
    ended: () => followed,
  };
}
