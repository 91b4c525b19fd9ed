import { PlexusError } from "../domain/errors.ts";
import { noteForMultus } from "./note-for-multus.ts";
import type { Journal } from "../ports/journal.ts";
import type { MultusNotes } from "./multus-notes.ts";

export interface Exported {
  /** How many sandboxes Multus knows now. */
  readonly sandboxes: number;
  /** What could not be handed over, and why. */
  readonly problems: readonly string[];
}

/** Notes every sandbox on record down as Multus would have. Our records stay; no daemon may be at work on them meanwhile. */
export async function exportToMultus(journal: Journal, legacy: MultusNotes): Promise<Exported> {
  const problems: string[] = [];
  let sandboxes = 0;
  for (const sandbox of await journal.list()) {
    try {
      const record = await journal.read(sandbox);
      if (record === undefined) continue;
      await legacy.write(sandbox, noteForMultus(record));
      sandboxes++;
    } catch (thrown) {
      problems.push(`sandbox ${sandbox}: ${PlexusError.from(thrown).message}`);
    }
  }
  const damaged = await journal.damaged();
  return {
    sandboxes,
    problems: [...problems, ...damaged.map((sandbox) => `sandbox ${sandbox}: its record is damaged`)],
  };
}
