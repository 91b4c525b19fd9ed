/** Retries what is left of one sandbox: an interrupted ADD or DEL, a failed cleanup, a sandbox that is gone without a DEL. */
import type { Conflist } from "../../domain/cni/conf.ts";
import { PlexusError } from "../../domain/errors.ts";
import { isNetnsPath, type SandboxId } from "../../domain/ids.ts";
import { isUnfinished, type RecordedAttachment, type SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Attachments, Cleanup } from "../attachments/attachments.ts";
import { AS_RECORDED } from "../attachments/cleanup-netns.ts";
import { isDue } from "../attachments/cleanup-history.ts";
import { throwAll } from "../attachments/run-conflist.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import type { Scope } from "../scope.ts";
import { endCleanups, type EndDeps } from "./end-cleanups.ts";

export interface SweepDeps extends EndDeps {
  readonly queue: Pick<SandboxQueue, "runBesides">;
  readonly attachments: Attachments;
  /** The conf that a network has now; undefined when it has none. */
  readonly presentConf: (network: string) => Conflist | undefined;
  /** Whether the namespace of a sandbox is gone. */
  readonly isNetnsGone: (record: SandboxRecord, signal: AbortSignal) => Promise<boolean>;
  /** Rejects while it is not known which pods there are. */
  readonly isPodGone: (record: SandboxRecord, signal: AbortSignal) => Promise<boolean>;
}

export type Swept = "nothing" | "finished" | "pending";

/** @param now whether a cleanup is tried before its pause is over */
export function sweepRecord(deps: SweepDeps, sandbox: SandboxId, now: boolean, scope: Scope): Promise<Swept> {
  return deps.queue.runBesides(sandbox, "in-turn", scope.signal, async () => {
    const record = await deps.journal.read(sandbox);
    if (record === undefined) return "nothing";
    const { which, isStale } = await whatMustGo(deps, record, now, scope);
    // @promise half-done-work-is-finished
    if (!record.attachments.some(which)) return isPending(record) ? "pending" : "nothing";
    const cleanup: Cleanup = {
      which,
      told: AS_RECORDED,
      isPodGone: () => Promise.resolve(isStale),
      presentConf: ({ network }: RecordedAttachment) => deps.presentConf(network),
    };
    const failures = await deps.attachments.cleanUp(record, cleanup, scope);
    const kept = await deps.journal.read(sandbox);
    if (kept !== undefined && isStale) await endCleanups(deps, kept, scope);
    throwAll(failures);
    const left = isStale ? await deps.journal.read(sandbox) : kept;
    return left !== undefined && isPending(left) ? "pending" : "finished";
  });
}

function isPending({ attachments }: SandboxRecord): boolean {
  return attachments.some(({ cleanup }) => cleanup !== undefined);
}

/** What an interrupted ADD or DEL left, and all of a sandbox that is gone together with its pod. */
async function whatMustGo(
  deps: SweepDeps,
  record: SandboxRecord,
  now: boolean,
  scope: Scope,
): Promise<{ readonly which: (attachment: RecordedAttachment) => boolean; readonly isStale: boolean }> {
  const at = deps.clock.now();
  const isReady = ({ cleanup }: RecordedAttachment): boolean => now || isDue(cleanup, at);
  const unfinished = isUnfinished(record.attachments);
  const isStale = await isAbandoned(deps, record, scope);
  return { which: (attachment) => isReady(attachment) && (isStale || unfinished(attachment)), isStale };
}

/**
 * A sandbox that the container runtime will not DEL: its network namespace is gone, and so is its pod.
 * One alone would not do: a namespace may be out of the daemon's sight, and a pod may end before its
 * sandbox. Unfinished attachments need no such proof, so a source that is not known yet leaves them.
 */
async function isAbandoned(deps: SweepDeps, record: SandboxRecord, { signal }: Scope): Promise<boolean> {
  if (!isNetnsPath(record.netns) || !(await deps.isNetnsGone(record, signal))) return false;
  try {
    return await deps.isPodGone(record, signal);
  } catch (thrown) {
    if (record.attachments.every(isUnfinished(record.attachments))) return false;
    throw PlexusError.from(thrown);
  }
}
