/** What is owed: DELs that wait in the spool, and what a crash or a failing plugin left of sandboxes. For people to look at; nothing is decided by it. */
import type { Clock } from "../ports/clock.ts";

export interface Debtor {
  readonly containerId: string;
  /** CNI_IFNAME of a DEL that waits in the spool; empty for what the record of a sandbox owes. */
  readonly ifName: string;
}

export interface Debt extends Debtor {
  /** When this daemon first met it, in milliseconds since the epoch. */
  readonly since: number;
  /** How often it was tried in vain. */
  readonly attempts: number;
  /** Why the last attempt failed; empty until one has. */
  readonly problem: string;
}

export interface Debts {
  /** As far as the rounds know: what failed for the runtime just now is not among them, for the runtime asks again. */
  owed(): readonly Debt[];
  /** Rounds over spool and records that have ended. */
  rounds(): number;
}

export interface DebtBook extends Debts {
  /** It was met, and will be tried. */
  owes(debtor: Debtor): void;
  failed(debtor: Debtor, problem: string): void;
  /** Also of what never was owed. */
  paid(debtor: Debtor): void;
  /** What no round has met since the last one ended is owed no more: somebody else paid it. */
  roundEnded(): void;
}

export function makeDebtBook(clock: Pick<Clock, "now">): DebtBook {
  const debts = new Map<string, Debt>();
  const met = new Set<string>();
  let rounds = 0;

  function meet({ containerId, ifName }: Debtor, change: (debt: Debt) => Debt): void {
    const key = keyOf({ containerId, ifName });
    const known = debts.get(key) ?? { containerId, ifName, since: clock.now(), attempts: 0, problem: "" };
    met.add(key);
    debts.set(key, change(known));
  }

  return {
    owed: () => [...debts.values()],
    rounds: () => rounds,
    owes: (debtor) => meet(debtor, (debt) => debt),
    failed: (debtor, problem) => meet(debtor, (debt) => ({ ...debt, attempts: debt.attempts + 1, problem })),
    paid: (debtor) => void debts.delete(keyOf(debtor)),
    roundEnded() {
      for (const key of debts.keys()) if (!met.has(key)) debts.delete(key);
      met.clear();
      rounds += 1;
    },
  };
}

function keyOf({ containerId, ifName }: Debtor): string {
  return `${containerId} ${ifName}`;
}
