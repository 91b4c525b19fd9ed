/** Somebody who waits for a value to turn up. */
export interface Waiter {
  /** To be called whenever it may have. */
  look(): void;
  /** To be called when it never will. */
  giveUp(): void;
}

/** What `find` finds, at the latest after `ms` or when the signal is raised; until then there is one more among the waiters. */
export function waitForValue<T>(
  find: () => T | undefined,
  ms: number,
  signal: AbortSignal,
  waiters: Set<Waiter>,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const end = (value: T | undefined) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", waiter.giveUp);
      waiters.delete(waiter);
      resolve(value);
    };
    const waiter: Waiter = {
      look: () => {
        const value = find();
        if (value !== undefined) end(value);
      },
      giveUp: () => {
        end(undefined);
      },
    };
    const timer = setTimeout(waiter.giveUp, ms);
    signal.addEventListener("abort", waiter.giveUp);
    waiters.add(waiter);
    if (signal.aborted) waiter.giveUp();
  });
}
