/** When a failed cleanup is tried again, and how often it has failed. */
import type { CleanupHistory } from "../../domain/sandbox-record.ts";

const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** A message may quote a plugin; a record keeps this much of it. */
const LONGEST_ERROR = 1_000;

/** The history after one more failure, with twice the pause. @param now milliseconds since the epoch */
export function failedAttempt(history: CleanupHistory | undefined, error: string, now: number): CleanupHistory {
  const attempts = (history?.attempts ?? 0) + 1;
  const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 20), LONGEST_PAUSE_MS);
  return {
    since: history?.since ?? now,
    attempts,
    lastError: error.length > LONGEST_ERROR ? `${error.slice(0, LONGEST_ERROR)}...` : error,
    nextAttemptAt: now + pauseMs,
  };
}

/** Whether its pause is over. A clock that was set back does not make it longer. */
export function isDue(history: CleanupHistory | undefined, now: number): boolean {
  return history === undefined || now >= history.nextAttemptAt || history.nextAttemptAt - now > LONGEST_PAUSE_MS;
}
