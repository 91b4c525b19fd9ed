const FIRST_MS = 100;
const LONGEST_MS = 30_000;

/**
 * How long to wait after so many failures in a row: 100 ms, doubled each time, 30 s at most. Up to half of it is taken off at random, so
 * that the nodes of a cluster do not come back in step.
 * @param random from 0 up to 1
 */
export function backoffMs(failures: number, random: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** failures) * (1 - random / 2);
}

/** Resolves after so many milliseconds, or as soon as the signal is raised. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
