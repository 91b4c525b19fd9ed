import type { Clock } from "../../daemon/ports/clock.ts";

export interface ManualClock extends Clock {
  advance(ms: number): void;
}

/** A clock that only moves when told to. */
export function manualClock(now = 0): ManualClock {
  let passed = 0;
  return {
    now: () => now + passed,
    monotonic: () => passed,
    advance: (ms) => {
      passed += ms;
    },
  };
}
