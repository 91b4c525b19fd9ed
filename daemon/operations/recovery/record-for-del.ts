/** The record by which a DEL is done, also where the daemon has none of its own. */
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Journal } from "../../ports/journal.ts";
import type { DelDeps } from "../verbs/del.ts";
import type { makeRebuild } from "./rebuild-record.ts";

export interface RecordForDelDeps {
  readonly journal: Journal;
  /** Plans a sandbox anew whose record was damaged. */
  readonly rebuild: ReturnType<typeof makeRebuild>;
}

export function makeRecordForDel({ journal, rebuild }: RecordForDelDeps): DelDeps["recordForDel"] {
  return async (request, which, scope) => {
    const { sandbox } = request;
    const record = await journal.read(sandbox, request);
    if (has(record, which)) return record;
    // @promise a-damaged-record-is-rebuilt
    if ((await journal.damaged()).includes(sandbox)) return rebuild(request, record?.attachments ?? [], scope);
    return undefined;
  };
}

function has(record: SandboxRecord | undefined, which: (attachment: RecordedAttachment) => boolean): boolean {
  return record?.attachments.some(which) === true;
}
