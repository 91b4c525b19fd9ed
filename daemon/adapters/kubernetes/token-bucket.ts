import type { Clock } from "../../ports/clock.ts";

/** A full bucket of so many tokens, refilled at a steady rate. Returns whether there was one to take. */
export function makeTokenBucket(burst: number, perSecond: number, clock: Clock): () => boolean {
  let tokens = burst;
  let filledAt = clock.monotonic();
  return () => {
    const now = clock.monotonic();
    tokens = Math.min(burst, tokens + ((now - filledAt) / 1000) * perSecond);
    filledAt = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
