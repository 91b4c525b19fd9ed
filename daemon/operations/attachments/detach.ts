/** Takes recorded attachments away again: DEL, a failed ADD, GC and retried cleanup share it. */
import type { Conflist } from "../../domain/cni/conf.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DeviceInfoFiles } from "../../ports/device-info-files.ts";
import type { Journal } from "../../ports/journal.ts";
import type { StatusBoard } from "../../ports/status-board.ts";
import type { Scope } from "../scope.ts";
import { failedAttempt } from "./cleanup-history.ts";
import { podPrefix } from "./pod-prefix.ts";
import { removeDeviceInfo } from "./device-info.ts";
import type { CleanupNetns } from "./cleanup-netns.ts";
import type { ConflistRunner } from "./run-conflist.ts";
import type { InvocationContext } from "./run-plugin.ts";

export interface DetachDeps {
  readonly conflists: ConflistRunner;
  readonly journal: Journal;
  readonly statusBoard: StatusBoard;
  readonly deviceInfoFiles: DeviceInfoFiles;
  readonly clock: Pick<Clock, "now">;
}

/** Which attachments of a record are to be detached. */
export interface DetachSelection {
  readonly which: (attachment: RecordedAttachment) => boolean;
  /**
   * Asked of an attachment whose cleanup fails: whether the container runtime may be told that it is
   * gone, while the daemon retries the rest (decisions: DEL when a plugin fails).
   */
  readonly mayRelease: (attachment: RecordedAttachment) => boolean | Promise<boolean>;
  /** The conf to try when the recorded one fails: what the network's author has made of it since. */
  readonly presentConf?: ((attachment: RecordedAttachment) => Conflist | undefined) | undefined;
}

/**
 * Detaches these attachments of a sandbox, newest first, each one whatever became of the others. What
 * fails stays on record with the history of its cleanup. When nothing is left, the record goes.
 * @param netns asked for once the record says that they are about to go
 * @returns the failures that the caller must report, in the order they happened
 * @throws PlexusError `io-failure` when the record could not be brought up to date; it then still names
 * all of them
 */
export async function detach(
  deps: DetachDeps,
  record: SandboxRecord,
  selection: DetachSelection,
  netns: () => Promise<CleanupNetns>,
  scope: Scope,
): Promise<readonly PlexusError[]> {
  const { begun, isOnRecord } = await begin(deps.journal, record, selection, scope);
  const left = new Map<RecordedAttachment, RecordedAttachment>();
  const failures: PlexusError[] = [];
  const { path, isGone } = await netns();
  const context = { ...invocationContextOf(record), netns: path, isNetnsGone: isGone };
  for (const attachment of begun.attachments.filter(selection.which).toReversed()) {
    try {
      await delOne(deps.conflists, attachment, selection, context, scope);
      await removeDeviceInfo(deps.deviceInfoFiles, record.sandbox, attachment, scope);
    } catch (thrown) {
      const failure = deletionFailure(record, attachment, thrown);
      const cleanup = failedAttempt(attachment.cleanup, failure.message, deps.clock.now());
      // @promise a-failed-cleanup-that-the-runtime-need-not-wait-for-is-released
      const isReleased = await mayRelease(selection, attachment);
      left.set(attachment, { ...attachment, cleanup, state: isReleased ? "released" : attachment.state });
      if (isReleased) scope.warn(`${failure.message}; the daemon retries this cleanup by itself`);
      else failures.push(failure);
    }
  }
  const attachments = begun.attachments.flatMap((one) => (selection.which(one) ? (left.get(one) ?? []) : one));
  // @promise what-failed-stays-on-record
  if (
    attachments.some((one, at) => one !== begun.attachments[at]) ||
    attachments.length < begun.attachments.length ||
    !isOnRecord
  ) {
    await keep(deps, { ...begun, attachments });
  }
  return failures;
}

async function delOne(
  conflists: ConflistRunner,
  attachment: RecordedAttachment,
  { presentConf }: DetachSelection,
  context: InvocationContext,
  scope: Scope,
): Promise<void> {
  try {
    await conflists.del(attachment, attachment, context, scope);
  } catch (thrown) {
    const conflist = presentConf?.(attachment);
    if (conflist === undefined || conflist.text === attachment.conflist.text) throw thrown;
    const corrected = { ...attachment, conflist, add: undefined, result: undefined };
    await conflists.del(corrected, corrected, context, scope).catch(() => {
      throw thrown;
    });
  }
}

async function mayRelease(selection: DetachSelection, attachment: RecordedAttachment): Promise<boolean> {
  return attachment.state === "released" || (await selection.mayRelease(attachment));
}

/**
 * Puts on record that what stands is about to go, so that a crash leaves no doubt. A disk that refuses
 * is no reason to keep it: the record then still names everything, and the runtime asks again.
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

/** The status goes first: once the record is gone, the daemon does not know of it. */
async function keep({ journal, statusBoard }: DetachDeps, record: SandboxRecord): Promise<void> {
  if (record.attachments.every(({ state }) => state === "released")) await statusBoard.withdraw(record.sandbox);
  if (record.attachments.length > 0) await journal.write(record);
  else await journal.remove(record.sandbox);
}

export function invocationContextOf(record: SandboxRecord): InvocationContext {
  const { sandbox, netns, searchPath, netnsOverride } = record;
  return { sandbox, netns, searchPath, netnsOverride };
}

function deletionFailure(record: SandboxRecord, { network, ifName }: RecordedAttachment, thrown: unknown): PlexusError {
  const prefix = `${podPrefix(record.pod, network)}error deleting interface ${ifName} from network "${network}": `;
  return PlexusError.from(thrown).within(prefix);
}
