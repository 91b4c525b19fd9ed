import type { IfName, SandboxId } from "../../domain/ids.ts";
import type { Origin } from "../../domain/origin.ts";
import type { RecordedAttachment, RecordedPod, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Attachments } from "../attachments/attachments.ts";
import { throwAll } from "../attachments/run-conflist.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import type { Scope } from "../scope.ts";

export interface DelRequest {
  readonly sandbox: SandboxId;
  readonly ifName: IfName;
  /** CNI_NETNS; empty when the runtime knows of none any more. */
  readonly netns: string;
  readonly netnsMayBeHosts: boolean;
  /** Asked of a DEL out of the spool, when its turn has come: whether it waits still. */
  readonly isStillWaiting?: (() => Promise<boolean>) | undefined;
  /** For a sandbox without a record of this daemon's. */
  readonly origin?: Origin | undefined;
}

/** DEL needs neither pod nor API server: what might ask them is handed in, and only asked without a record or after a failure. */
export interface DelDeps {
  readonly queue: Pick<SandboxQueue, "run">;
  readonly attachments: Attachments;
  /**
   * The record that names what there is to detach; undefined when there is nothing. See
   * recovery/record-for-del.ts for where it looks when the daemon has no record of its own.
   */
  readonly recordForDel: (
    request: DelRequest,
    which: (attachment: RecordedAttachment) => boolean,
    scope: Scope,
  ) => Promise<SandboxRecord | undefined>;
  /** Whether the pod is gone, false while that is not known. */
  readonly isPodGone: (pod: RecordedPod | undefined, signal: AbortSignal) => Promise<boolean>;
}

/**
 * Detaches everything that ADD attached for this sandbox and interface. Succeeds only when every
 * plugin confirmed, or when the container runtime need not wait for the rest; else the record stays
 * and the same call tries again.
 */
export function makeDel(deps: DelDeps): (request: DelRequest, scope: Scope) => Promise<void> {
  return (request, scope) =>
    // @promise del-goes-first
    deps.queue.run(request.sandbox, "first", scope.signal, () => delInTurn(deps, request, scope));
}

/** For a caller that has the sandbox's turn already. */
export async function delInTurn(deps: Omit<DelDeps, "queue">, request: DelRequest, scope: Scope): Promise<void> {
  if (request.isStillWaiting !== undefined && !(await request.isStillWaiting())) return;
  const which = ({ owner }: RecordedAttachment): boolean => owner === request.ifName;
  const record = await deps.recordForDel(request, which, scope);
  if (record === undefined) return;
  const isPodGone = () => deps.isPodGone(record.pod, scope.signal);
  throwAll(await deps.attachments.cleanUp(record, { which, told: request, isPodGone }, scope));
}
