/** Ends cleanups that cannot succeed: told with an event, a metric and a log line, and off the record. */
import { namespace, podName, type SandboxId } from "../../domain/ids.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Events } from "../../ports/events.ts";
import type { Journal } from "../../ports/journal.ts";
import type { Meters } from "../../ports/meters.ts";
import type { Scope } from "../scope.ts";

export interface EndDeps {
  readonly journal: Journal;
  readonly events: Events;
  readonly meters: Pick<Meters, "gaveUpCleanup">;
  readonly clock: Pick<Clock, "now">;
  readonly giveUpAfterMs: number;
}

/** Gives up those that the daemon has retried for long enough. The namespace and the pod are gone. */
export async function endCleanups(deps: EndDeps, record: SandboxRecord, scope: Scope): Promise<void> {
  const now = deps.clock.now();
  const isOver = ({ cleanup, state }: RecordedAttachment): boolean =>
    state === "released" && cleanup !== undefined && now - cleanup.since >= deps.giveUpAfterMs;
  await giveUp(deps, record, isOver, `no attempt succeeded in ${inHours(deps.giveUpAfterMs)}`, scope);
}

/** Takes attachments off the record without asking their plugins. @param why for log and event */
export async function giveUp(
  { journal, events, meters }: Pick<EndDeps, "journal" | "events" | "meters">,
  record: SandboxRecord,
  which: (attachment: RecordedAttachment) => boolean,
  why: string,
  scope: Pick<Scope, "warn">,
): Promise<readonly RecordedAttachment[]> {
  const given = record.attachments.filter(which);
  if (given.length === 0) return given;
  await forget(journal, record, which);
  for (const attachment of given) {
    const message = `gave up the cleanup of ${described(record.sandbox, attachment)}: ${why}; ${mayBeLeft(attachment)}`;
    scope.warn(message);
    meters.gaveUpCleanup();
    const pod = podOf(record);
    if (pod !== undefined) events.report(pod, { type: "Warning", reason: "CleanupGivenUp", message });
  }
  return given;
}

function podOf({ pod }: SandboxRecord) {
  return pod && { namespace: namespace(pod.namespace), name: podName(pod.name), uid: pod.uid };
}

/** Takes attachments off the record; a record of which nothing is left goes. */
export async function forget(
  journal: Journal,
  record: SandboxRecord,
  which: (attachment: RecordedAttachment) => boolean,
): Promise<void> {
  const attachments = record.attachments.filter((attachment) => !which(attachment));
  if (attachments.length === 0) await journal.remove(record.sandbox);
  else await journal.write({ ...record, attachments });
}

function described(sandbox: SandboxId, { ifName, network }: RecordedAttachment): string {
  return `interface ${ifName} of network "${network}" of sandbox ${sandbox}`;
}

/** What the operator may find on the node: the plugins that did not confirm, and their last word. */
function mayBeLeft({ conflist, cleanup }: RecordedAttachment): string {
  const types = conflist.plugins.map(({ type }) => type).join(", ");
  return `what its plugins (${types}) made may be left on the node: ${cleanup?.lastError ?? "they were not asked"}`;
}

function inHours(ms: number): string {
  return ms >= 3_600_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 1_000)} s`;
}
