/** Takes recorded attachments away again: what DEL, a failed ADD and GC have in common. */
import { PlexusError } from "../../domain/errors.ts";
import { JsonObject } from "../../domain/json/json-object.ts";
import { recordedConflist } from "../../domain/recorded-attachment.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { DeviceInfoFiles } from "../../ports/device-info-files.ts";
import type { Journal } from "../../ports/journal.ts";
import type { StatusBoard } from "../../ports/status-board.ts";
import { removeDeviceInfo } from "./device-info.ts";
import type { ConflistRunner, Delegate, InvocationContext } from "./run-conflist.ts";
import type { Scope } from "../scope.ts";

export interface DetachDeps {
  readonly conflists: ConflistRunner;
  readonly journal: Journal;
  readonly statusBoard: StatusBoard;
  readonly deviceInfoFiles: DeviceInfoFiles;
}

/** Which attachments of a record are to be detached. */
export interface DetachSelection {
  readonly which: (attachment: RecordedAttachment) => boolean;
  /** The one among them whose ADD failed just now, and how many of its plugins that had started. */
  readonly justFailed?: { readonly attachment: RecordedAttachment; readonly started: number } | undefined;
}

/**
 * Detaches these attachments of a sandbox, newest first, each one whatever became of the others.
 * What failed stays on record, to be tried again; a sandbox of which nothing is left is forgotten.
 * @param netns empty when the namespace is gone
 * @returns the failures, in the order they happened
 * @throws PlexusError `io-failure` when the record could not be brought up to date; it then still names all of them
 */
export async function detach(
  deps: DetachDeps,
  record: SandboxRecord,
  selection: DetachSelection,
  netns: string,
  scope: Scope,
): Promise<readonly PlexusError[]> {
  const { begun, isOnRecord } = await begin(deps.journal, record, selection, scope);
  const failed = new Map<RecordedAttachment, PlexusError>();
  const around = { ...invocationContextOf(record), netns };
  for (const attachment of begun.attachments.filter(selection.which).toReversed()) {
    try {
      const { justFailed } = selection;
      const started = attachment === justFailed?.attachment ? justFailed.started : Infinity;
      await deps.conflists.del(delegateOf(attachment), { result: attachment.result, started }, around, scope);
      await removeDeviceInfo(deps.deviceInfoFiles, record.sandbox, attachment, scope);
    } catch (thrown) {
      failed.set(attachment, deletionFailure(record, attachment, thrown));
    }
  }
  const left = begun.attachments.filter((attachment) => !selection.which(attachment) || failed.has(attachment));
  if (left.length < begun.attachments.length || !isOnRecord) await keep(deps, { ...begun, attachments: left });
  return [...failed.values()];
}

/**
 * Puts on record that what stands is about to go, so that a crash leaves no doubt that it must. A disk that does not take that is no reason
 * to keep it: the record then still names everything, and the runtime asks again.
 */
async function begin(
  journal: Journal,
  record: SandboxRecord,
  { which }: DetachSelection,
  { warn }: Pick<Scope, "warn">,
): Promise<{ readonly begun: SandboxRecord; readonly isOnRecord: boolean }> {
  const stands = (attachment: RecordedAttachment): boolean => which(attachment) && attachment.state === "attached";
  if (!record.attachments.some(stands)) return { begun: record, isOnRecord: true };
  const attachments = record.attachments.map((attachment): RecordedAttachment =>
    stands(attachment) ? { ...attachment, state: "detaching" } : attachment,
  );
  const begun = { ...record, attachments };
  try {
    await journal.write(begun);
    return { begun, isOnRecord: true };
  } catch (thrown) {
    warn(`the DEL could not be put on record, and goes on: ${PlexusError.from(thrown).message}`);
    return { begun, isOnRecord: false };
  }
}

/** The status first: once the record is gone nobody knows that there is one to take down. */
async function keep({ journal, statusBoard }: DetachDeps, record: SandboxRecord): Promise<void> {
  if (record.attachments.length > 0) {
    await journal.write(record);
    return;
  }
  await statusBoard.withdraw(record.sandbox);
  await journal.remove(record.sandbox);
}

export function invocationContextOf(record: SandboxRecord): InvocationContext {
  const { sandbox, netns, searchPath, netnsOverride } = record;
  return { sandbox, netns, searchPath, netnsOverride };
}

/** The delegate as ADD ran it, from nothing but the record. */
export function delegateOf(attachment: RecordedAttachment): Delegate {
  return {
    network: attachment.network,
    conflist: recordedConflist(attachment),
    ifName: attachment.ifName,
    capabilityArgs: JsonObject.parse(
      attachment.capabilityArgs,
      `the recorded capability args of "${attachment.network}"`,
    ),
    cniArgs: attachment.cniArgs,
  };
}

function deletionFailure(record: SandboxRecord, attachment: RecordedAttachment, thrown: unknown): PlexusError {
  const prefix = `${podPrefix(record.pod, attachment.network)}error deleting interface ${attachment.ifName} from network "${attachment.network}": `;
  return PlexusError.from(thrown).within(prefix);
}

/** `[<namespace>/<pod>/<uid>:<network>]: `, as Multus begins its messages. */
export function podPrefix(
  pod: { readonly namespace: string; readonly name: string; readonly uid: string } | undefined,
  network?: string,
): string {
  const who = pod === undefined ? "//" : `${pod.namespace}/${pod.name}/${pod.uid}`;
  return network === undefined ? `[${who}]: ` : `[${who}:${network}]: `;
}
