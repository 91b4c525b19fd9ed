import { PlexusError } from "../../domain/errors.ts";
import { type IfName, isNetnsPath, type SandboxId } from "../../domain/ids.ts";
import type { Origin } from "../../domain/origin.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Sandboxes } from "../../ports/sandboxes.ts";
import { detach, type DetachDeps, podPrefix } from "../attachments/detach.ts";
import { throwAll } from "../attachments/run-conflist.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import type { Scope } from "../scope.ts";

export interface DelRequest {
  readonly sandbox: SandboxId;
  readonly ifName: IfName;
  /** CNI_NETNS; empty when the runtime knows of none any more. */
  readonly netns: string;
  readonly netnsMayBeHosts: boolean;
  /** Asked when its turn has come, of a DEL that waited in the spool: whether it waits still, or somebody else did it meanwhile. */
  readonly isStillWaiting?: (() => Promise<boolean>) | undefined;
  /** For a sandbox whose record was damaged. */
  readonly origin?: Origin | undefined;
}

export interface DelDeps extends DetachDeps {
  /**
   * Works out anew what a sandbox has whose record was damaged.
   * @param others what the record still says of other ADDs
   * @returns undefined when nothing can be worked out
   */
  readonly rebuild: (
    request: DelRequest,
    others: readonly RecordedAttachment[],
    scope: Scope,
  ) => Promise<SandboxRecord | undefined>;
  readonly queue: Pick<SandboxQueue, "run">;
  readonly sandboxes: Pick<Sandboxes, "look">;
}

/**
 * Detaches everything that ADD attached for this sandbox and interface. Needs neither pod nor API server, unless the record was damaged.
 * Succeeds only when every plugin confirmed; until then the record is kept and the same call tries again.
 */
export function makeDel(deps: DelDeps): (request: DelRequest, scope: Scope) => Promise<void> {
  return (request, scope) =>
    deps.queue.run(request.sandbox, "first", scope.signal, () => delInTurn(deps, request, scope));
}

/** For whoever has the sandbox's turn already. */
export async function delInTurn(deps: Omit<DelDeps, "queue">, request: DelRequest, scope: Scope): Promise<void> {
  if (request.isStillWaiting !== undefined && !(await request.isStillWaiting())) return;
  const which = ({ owner }: RecordedAttachment): boolean => owner === request.ifName;
  const record = await recordOf(deps, request, which, scope);
  if (record === undefined) return;
  const netns = await netnsForDel(deps.sandboxes, request, scope.signal, podPrefix(record.pod));
  const failures = await detach(deps, record, { which }, netns, scope);
  throwAll(failures);
}

/** The record that names what is to be detached; undefined when nothing is. */
async function recordOf(
  deps: Pick<DelDeps, "journal" | "rebuild">,
  request: DelRequest,
  which: (attachment: RecordedAttachment) => boolean,
  scope: Scope,
): Promise<SandboxRecord | undefined> {
  const { sandbox } = request;
  const record = await deps.journal.read(sandbox, request);
  if (record?.attachments.some(which) === true) return record;
  if (!(await deps.journal.damaged()).includes(sandbox)) return undefined;
  return deps.rebuild(request, record?.attachments ?? [], scope);
}

/** The path for the plugins' CNI_NETNS, or nothing when the namespace is gone: then only ledgers are left to clean (spec T081). */
export async function netnsForDel(
  sandboxes: Pick<Sandboxes, "look">,
  { netns, netnsMayBeHosts }: Pick<DelRequest, "netns" | "netnsMayBeHosts">,
  signal: AbortSignal,
  prefix: string,
): Promise<string> {
  if (netns === "" || !isNetnsPath(netns)) return "";
  const { found } = await sandboxes.look(netns, [], signal);
  switch (found) {
    case "sandbox":
      return netns;
    case "netns-gone":
    case "not-a-netns":
      return "";
    case "host-netns":
      if (netnsMayBeHosts) return netns;
      throw new PlexusError("invalid-netns", `${prefix}CNI_NETNS ${netns} is the host's own network namespace`, {
        details:
          "refused, because plugins would delete interfaces of the node; the runtime must name the sandbox's namespace or none",
      });
  }
}
