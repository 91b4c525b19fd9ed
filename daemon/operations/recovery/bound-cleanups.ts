/** Keeps the backlog of cleanups bounded: one per pod and network that never worked, and no more than the limit. */
import type { SandboxId } from "../../domain/ids.ts";
import type { CleanupHistory, RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import type { Scope } from "../scope.ts";
import { type EndDeps, forget, giveUp } from "./end-cleanups.ts";
import type { CleanupBacklogView, PendingCleanup } from "./pending-cleanups.ts";

export interface BoundDeps extends EndDeps {
  readonly queue: Pick<SandboxQueue, "runBesides">;
  readonly backlog: CleanupBacklogView;
  /** How many released cleanups the daemon keeps. */
  readonly maxPendingCleanups: number;
}

export async function boundCleanups(deps: BoundDeps, scope: Scope): Promise<void> {
  for (const { older, newest } of repeated(deps.backlog.list())) {
    await change(deps, newest, scope, (record, which) => deps.journal.write(withHistory(record, which, older)));
    for (const one of older) await change(deps, one, scope, (record, which) => forget(deps.journal, record, which));
  }
  const released = deps.backlog.list().filter(({ kept, released }) => kept === "record" && released);
  const surplus = released.toSorted((a, b) => a.since - b.since).slice(0, -deps.maxPendingCleanups);
  for (const one of released.length > deps.maxPendingCleanups ? surplus : []) {
    const why = `more than ${deps.maxPendingCleanups} cleanups are pending on this node, and it is the oldest`;
    await change(deps, one, scope, async (record, which) => {
      await giveUp(deps, record, which, why, scope);
    });
  }
}

interface Repeated {
  readonly older: readonly PendingCleanup[];
  readonly newest: PendingCleanup;
}

/** The kubelet makes a new sandbox for every attempt at a pod: those that never worked differ in their sandbox only. */
function repeated(cleanups: readonly PendingCleanup[]): readonly Repeated[] {
  const isRepeatable = ({ kept, released, worked, pod }: PendingCleanup): boolean =>
    kept === "record" && released && !worked && pod !== undefined;
  const groups = Map.groupBy(cleanups.filter(isRepeatable), ({ pod, network, ifName }) =>
    JSON.stringify([pod?.namespace, pod?.name, pod?.uid, network, ifName]),
  );
  return [...groups.values()].flatMap((group) => {
    const ordered = group.toSorted((a, b) => a.since - b.since);
    const newest = ordered.at(-1);
    return newest === undefined || ordered.length < 2 ? [] : [{ older: ordered.slice(0, -1), newest }];
  });
}

function withHistory(
  record: SandboxRecord,
  which: (attachment: RecordedAttachment) => boolean,
  older: readonly PendingCleanup[],
): SandboxRecord {
  const merged = (history: CleanupHistory): CleanupHistory => ({
    ...history,
    since: Math.min(history.since, ...older.map(({ since }) => since)),
    attempts: older.reduce((sum, { attempts }) => sum + attempts, history.attempts),
  });
  const attachments = record.attachments.map((one) =>
    which(one) && one.cleanup !== undefined ? { ...one, cleanup: merged(one.cleanup) } : one,
  );
  return { ...record, attachments };
}

/** Changes the record of a pending cleanup, if it still is one, when the sandbox's turn has come. */
function change(
  { queue, journal }: Pick<BoundDeps, "queue" | "journal">,
  { containerId, ifName }: PendingCleanup,
  { signal }: Scope,
  make: (record: SandboxRecord, which: (attachment: RecordedAttachment) => boolean) => Promise<void>,
): Promise<void> {
  const sandbox = containerId as SandboxId;
  return queue.runBesides(sandbox, "in-turn", signal, async () => {
    const record = await journal.read(sandbox);
    const which = (attachment: RecordedAttachment): boolean =>
      attachment.ifName === ifName && attachment.state === "released";
    if (record?.attachments.some(which) === true) await make(record, which);
  });
}
