/** Everything an operation asks of the node waits at a gate, until the test lets it pass and says what becomes of it. */
import type { Fate } from "./fate.ts";

export interface Waiting {
  readonly what: string;
  /** It happens, and whoever asked goes on. */
  go(fate: Fate): void;
  /** It happens, and nobody is left to hear of it. */
  perish(fate: Fate): void;
}

export interface Gates {
  /** Oldest first. */
  readonly waiting: readonly Waiting[];
  /**
   * @param act what happens, at once or never; it rejects unless the fate is good
   * @param signal stops it while it waits, with as little or as much done as the reason says (a number)
   */
  pass<T>(what: string, act: (fate: Fate) => T | Promise<T>, signal?: AbortSignal): Promise<T>;
}

export function makeGates(): Gates {
  const waiting: Waiting[] = [];
  return {
    waiting,
    pass: (what, act, signal) =>
      new Promise((resolve, reject) => {
        const happen = async (fate: Fate) => act(fate);
        const leave = (): void => {
          waiting.splice(waiting.indexOf(one), 1);
          signal?.removeEventListener("abort", stop);
        };
        const stop = (): void => {
          one.go({ ends: "is lost", reach: Number(signal?.reason) });
        };
        const one: Waiting = {
          what,
          go: (fate) => {
            leave();
            happen(fate).then(resolve, reject);
          },
          perish: (fate) => {
            leave();
            happen(fate).catch(() => undefined);
          },
        };
        waiting.push(one);
        if (signal?.aborted === true) one.go({ ends: "is lost", reach: 0 });
        else signal?.addEventListener("abort", stop);
      }),
  };
}
