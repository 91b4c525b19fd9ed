import { backoffMs } from "./pause.ts";

/** Where following a collection stands. */
export interface FollowState {
  readonly next: "list" | "watch";
  /** The last one seen, to watch from. Empty before the first list. */
  readonly resourceVersion: string;
  /** Whether lists may come from the API server's memory. */
  readonly fromMemory: boolean;
  /** What the next list must not be older than: `0` for whatever is in the server's memory; empty for what its database says. */
  readonly notOlderThan: string;
  /** Attempts in a row that brought nothing. */
  readonly failures: number;
}

/** How a list or a watch ended. */
export type Outcome =
  | { readonly what: "listed"; readonly resourceVersion: string }
  | {
      /** `expired` when the server cannot go on from where we were. */
      readonly what: "interrupted" | "expired";
      /** The last one seen. */
      readonly resourceVersion: string;
      /** Whether it did its work for a while. */
      readonly progress: boolean;
      readonly retryAfterMs: number;
      /** Undefined when it ended as it should. */
      readonly problem: string | undefined;
    };

export function firstState(fromMemory: boolean): FollowState {
  return { next: "list", resourceVersion: "", fromMemory, notOlderThan: fromMemory ? "0" : "", failures: 0 };
}

/**
 * What to do next, and after how long. There is no last state: whatever happens, it goes on.
 * @param random from 0 up to 1
 */
export function advance(
  state: FollowState,
  outcome: Outcome,
  random: number,
): { readonly state: FollowState; readonly waitMs: number } {
  const { what, resourceVersion } = outcome;
  // A list proves little: only a watch that works ends a row of failures, or list and 410 would chase each other.
  if (what === "listed") return { state: { ...state, next: "watch", resourceVersion }, waitMs: 0 };
  const failures = outcome.progress ? 0 : state.failures + 1;
  const waitMs = outcome.retryAfterMs + backoffMs(failures, random);
  if (what === "interrupted") return { state: { ...state, resourceVersion, failures }, waitMs };
  // If the server's memory cannot give what is not older than what is known, the database must.
  const notOlderThan = state.fromMemory && state.next === "watch" ? resourceVersion : "";
  return { state: { ...state, next: "list", resourceVersion, notOlderThan, failures }, waitMs };
}
