import { PlexusError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Journal } from "../../ports/journal.ts";
import type { Meters } from "../../ports/meters.ts";
import type { Condition } from "./readiness.ts";

export interface WatchedJournal {
  readonly journal: Journal;
  /** Whether records can be written: the last attempt tells, and after one that failed another is made. */
  readonly writable: Condition;
}

/**
 * Measures what is written, and notices when the disk refuses.
 * @param tryWriting writes something and takes it away again; rejects as the journal does
 */
export function watchJournal(
  journal: Journal,
  { clock, meters, tryWriting }: { readonly clock: Clock; readonly meters: Meters; tryWriting(): Promise<void> },
): WatchedJournal {
  let isWritable = false;

  async function measured(change: () => Promise<void>): Promise<void> {
    const began = clock.monotonic();
    try {
      await change();
      isWritable = true;
    } catch (thrown) {
      isWritable = false;
      throw thrown;
    } finally {
      meters.wroteRecord(clock.monotonic() - began, isWritable);
    }
  }

  return {
    journal: {
      ...journal,
      write: (record) => measured(() => journal.write(record)),
      remove: (sandbox) => measured(() => journal.remove(sandbox)),
    },
    async writable() {
      if (isWritable) return;
      try {
        await tryWriting();
        isWritable = true;
      } catch (thrown) {
        throw PlexusError.from(thrown).within("nothing can be put on record: ");
      }
    },
  };
}
