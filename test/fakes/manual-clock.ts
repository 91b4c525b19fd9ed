import type { Clock } from "../../daemon/ports/clock.ts";

export interface ManualClock extends Clock {
  advance(ms: number): void;
  /** Somebody sets it: the time of day jumps by so many milliseconds, ahead or back, and no time has passed. */
  set(by: number): void;
  /** How long each sleep so far was asked to be. */
  readonly slept: readonly number[];
}

/** A clock that only moves when told to. Whoever sleeps moves it: sleeping takes no time at all. */
export function manualClock(now = 0): ManualClock {
  let passed = 0;
  let set = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => now + set + passed,
    monotonic: () => passed,
    advance: (ms) => {
      passed += ms;
    },
    set: (by) => {
      set += by;
    },
    sleep: (ms) => {
      slept.push(ms);
      passed += ms;
      return Promise.resolve();
    },
  };
}
