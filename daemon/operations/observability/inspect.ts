import type { SandboxId } from "../../domain/ids.ts";
import { recordedNetworkStatus } from "../../domain/recorded-network-status.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Journal } from "../../ports/journal.ts";
import type { PendingCleanup, CleanupBacklogView } from "../recovery/pending-cleanups.ts";

/** A sandbox as operators see it. */
export interface SandboxView {
  readonly record: SandboxRecord;
  readonly attachments: readonly { readonly attachment: RecordedAttachment; readonly plugins: readonly string[] }[];
  /** The value of the network-status annotation; empty while nothing is attached. */
  readonly networkStatus: string;
}

export interface Inspection {
  sandboxes(): Promise<readonly SandboxView[]>;
  /** Undefined when nothing of it is on record. */
  sandbox(id: SandboxId): Promise<SandboxView | undefined>;
  pendingCleanups(): PendingCleanups;
}

/** What is left to be done without being asked. */
export interface PendingCleanups {
  readonly cleanups: readonly PendingCleanup[];
  /** How often the daemon has gone over spool and records since it started; 0 while it does so for the first time. */
  readonly rounds: number;
}

/** Reads the journal for people. Waits for no operation: what it shows may be half-way. */
export function makeInspection(journal: Journal, backlog: CleanupBacklogView): Inspection {
  const sandbox = async (id: SandboxId): Promise<SandboxView | undefined> => {
    const record = await journal.read(id);
    return record === undefined ? undefined : view(record);
  };
  return {
    sandbox,
    pendingCleanups: () => ({ cleanups: backlog.list(), rounds: backlog.rounds() }),
    async sandboxes() {
      const views = await Promise.all((await journal.list()).map(sandbox));
      return views.filter((one) => one !== undefined);
    },
  };
}

function view(record: SandboxRecord): SandboxView {
  return {
    record,
    attachments: record.attachments.map((attachment) => ({
      attachment,
      plugins: attachment.conflist.plugins.map(({ type }) => type),
    })),
    networkStatus: record.attachments.some(({ result }) => result !== undefined) ? recordedNetworkStatus(record) : "",
  };
}
