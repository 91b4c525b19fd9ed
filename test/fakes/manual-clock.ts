import type { Clock } from "../../daemon/ports/clock.ts";

export interface ManualClock extends Clock {
  advance(ms: number): void;
  /** How long each sleep so far was asked to be. */
  readonly slept: readonly number[];
}

/** A clock that only moves when told to. Whoever sleeps moves it: sleeping takes no time at all. */
export function manualClock(now = 0): ManualClock {
  let passed = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => now + passed,
    monotonic: () => passed,
    advance: (ms) => {
      passed += ms;
    },
    sleep: (ms) => {
      slept.push(ms);
      passed += ms;
      return Promise.resolve();
    },
  };
}
