/** What is pending: DELs that wait in the spool, and what a crash or a failing plugin left of sandboxes. For people to look at; nothing is decided by it. */
import type { Clock } from "../../ports/clock.ts";

export interface CleanupKey {
  readonly containerId: string;
  /** CNI_IFNAME of a DEL that waits in the spool; empty for what the record of a sandbox owes. */
  readonly ifName: string;
}

export interface PendingCleanup extends CleanupKey {
  /** When this daemon first met it, in milliseconds since the epoch. */
  readonly since: number;
  /** How often it was tried in vain. */
  readonly attempts: number;
  /** Why the last attempt failed; empty until one has. */
  readonly problem: string;
}

export interface CleanupBacklogView {
  /** As far as the rounds know: what failed for the runtime just now is not among them, for the runtime asks again. */
  list(): readonly PendingCleanup[];
  /** Rounds over spool and records that have ended. */
  rounds(): number;
}

export interface CleanupBacklog extends CleanupBacklogView {
  /** It was met, and will be tried. */
  note(key: CleanupKey): void;
  failed(key: CleanupKey, problem: string): void;
  /** Also of what never was owed. */
  done(key: CleanupKey): void;
  /** What no round has met since the last one ended is pending no more: somebody else paid it. */
  roundEnded(): void;
}

export function makeCleanupBacklog(clock: Pick<Clock, "now">): CleanupBacklog {
  const backlog = new Map<string, PendingCleanup>();
  const met = new Set<string>();
  let rounds = 0;

  function meet({ containerId, ifName }: CleanupKey, change: (debt: PendingCleanup) => PendingCleanup): void {
    const key = keyOf({ containerId, ifName });
    const known = backlog.get(key) ?? { containerId, ifName, since: clock.now(), attempts: 0, problem: "" };
    met.add(key);
    backlog.set(key, change(known));
  }

  return {
    list: () => [...backlog.values()],
    rounds: () => rounds,
    note: (key) => meet(key, (debt) => debt),
    failed: (key, problem) => meet(key, (debt) => ({ ...debt, attempts: debt.attempts + 1, problem })),
    done: (key) => void backlog.delete(keyOf(key)),
    roundEnded() {
      for (const key of backlog.keys()) if (!met.has(key)) backlog.delete(key);
      met.clear();
      rounds += 1;
    },
  };
}

function keyOf({ containerId, ifName }: CleanupKey): string {
  return `${containerId} ${ifName}`;
}
