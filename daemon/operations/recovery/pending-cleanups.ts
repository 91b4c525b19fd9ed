/**
 * The cleanups that have failed so far, for operators, metrics and the retrying rounds. The list
 * follows every change of a record, so it is true at once.
 */
import type { SandboxId } from "../../domain/ids.ts";
import type { RecordedPod, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Journal } from "../../ports/journal.ts";
import type { SpooledDel } from "../../ports/spool.ts";

export interface PendingCleanup {
  readonly containerId: string;
  readonly ifName: string;
  /** `record` for an attachment whose DEL failed, `spool` for a DEL that no daemon has done yet. */
  readonly kept: "record" | "spool";
  readonly pod: RecordedPod | undefined;
  /** Empty for a DEL in the spool. */
  readonly network: string;
  /** Whether the container runtime was told that the attachment is gone. */
  readonly released: boolean;
  /** Whether every plugin of its ADD succeeded once. */
  readonly worked: boolean;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Failed attempts so far. */
  readonly attempts: number;
  /** Why the last attempt failed; empty before the first. */
  readonly lastError: string;
  /** When the daemon tries again, in milliseconds since the epoch; undefined for the next round. */
  readonly nextAttemptAt: number | undefined;
}

export interface CleanupBacklogView {
  list(): readonly PendingCleanup[];
  /** Rounds over spool and records that have ended since the daemon started. */
  rounds(): number;
}

export interface CleanupBacklog extends CleanupBacklogView {
  /** The spool as a round found it. */
  spooled(entries: readonly SpooledDel[]): void;
  spooledDelFailed(entry: SpooledDel, problem: string): void;
  spooledDelDone(entry: Pick<SpooledDel, "containerId" | "ifName">): void;
  roundEnded(): void;
  /** Resolves when a cleanup is new in the list, and when the signal is raised. */
  awaitNew(signal: AbortSignal): Promise<void>;
}

/** @returns the journal to use from now on, and the list that follows it */
export function followCleanups(journal: Journal): { readonly journal: Journal; readonly backlog: CleanupBacklog } {
  const recorded = new Map<SandboxId, readonly PendingCleanup[]>();
  const spooled = new Map<string, PendingCleanup>();
  let rounds = 0;
  let waiting = Promise.withResolvers<undefined>();

  function note(record: SandboxRecord): void {
    const cleanups = cleanupsOf(record);
    const known = recorded.get(record.sandbox)?.length ?? 0;
    if (cleanups.length === 0) recorded.delete(record.sandbox);
    else recorded.set(record.sandbox, cleanups);
    if (cleanups.length <= known) return;
    waiting.resolve(undefined);
    waiting = Promise.withResolvers();
  }

  return {
    journal: {
      ...journal,
      async read(sandbox, asked) {
        const record = await journal.read(sandbox, asked);
        if (record === undefined) recorded.delete(sandbox);
        else note(record);
        return record;
      },
      async write(record) {
        await journal.write(record);
        note(record);
      },
      async remove(sandbox) {
        await journal.remove(sandbox);
        recorded.delete(sandbox);
      },
    },
    backlog: {
      list: () => [...spooled.values(), ...[...recorded.values()].flat()],
      rounds: () => rounds,
      spooled(entries) {
        const present = new Set(entries.map(keyOf));
        for (const key of spooled.keys()) if (!present.has(key)) spooled.delete(key);
        for (const entry of entries) if (!spooled.has(keyOf(entry))) spooled.set(keyOf(entry), spooledCleanup(entry));
      },
      spooledDelFailed(entry, problem) {
        const known = spooled.get(keyOf(entry)) ?? spooledCleanup(entry);
        spooled.set(keyOf(entry), { ...known, attempts: known.attempts + 1, lastError: problem });
      },
      spooledDelDone: (entry) => void spooled.delete(keyOf(entry)),
      roundEnded() {
        rounds++;
      },
      async awaitNew(signal) {
        const aborted = Promise.withResolvers<undefined>();
        const abort = () => aborted.resolve(undefined);
        if (signal.aborted) return;
        signal.addEventListener("abort", abort, { once: true });
        await Promise.race([waiting.promise, aborted.promise]);
        signal.removeEventListener("abort", abort);
      },
    },
  };
}

function cleanupsOf({ sandbox, pod, attachments }: SandboxRecord): readonly PendingCleanup[] {
  return attachments.flatMap(({ cleanup, ifName, network, state, result }): PendingCleanup[] =>
    cleanup === undefined
      ? []
      : [
          {
            containerId: sandbox,
            ifName,
            kept: "record",
            pod,
            network,
            released: state === "released",
            worked: result !== undefined,
            ...cleanup,
          },
        ],
  );
}

function spooledCleanup({ containerId, ifName, at }: SpooledDel): PendingCleanup {
  return {
    containerId,
    ifName,
    kept: "spool",
    pod: undefined,
    network: "",
    released: true,
    worked: true,
    since: at,
    attempts: 0,
    lastError: "",
    nextAttemptAt: undefined,
  };
}

function keyOf({ containerId, ifName }: Pick<SpooledDel, "containerId" | "ifName">): string {
  return `${containerId} ${ifName}`;
}
