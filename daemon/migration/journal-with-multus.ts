import { PlexusError } from "../domain/errors.ts";
import type { SandboxId } from "../domain/ids.ts";
import { recordFromMultus } from "./record-from-multus.ts";
import type { Journal } from "../ports/journal.ts";
import type { MultusNotes } from "./multus-notes.ts";

export interface JournalWithMultusOptions {
  /** Where plugins are looked for when no call says. */
  readonly searchPath: readonly string[];
  /** Told once of each sandbox whose notes cannot be read. */
  readonly onDamaged: (problem: string) => void;
}

/**
 * A journal that also knows the sandboxes that Multus attached before it was replaced, so that every operation treats them like our own.
 * They stay where Multus noted them, hidden by a record of ours as soon as there is one, until all of it is gone: until then Multus could
 * take the node back.
 */
export function journalWithMultus(
  journal: Journal,
  legacy: MultusNotes,
  { searchPath, onDamaged }: JournalWithMultusOptions,
): Journal {
  const damaged = new Set<SandboxId>();

  return {
    async read(sandbox, asked) {
      const own = await journal.read(sandbox);
      if (own !== undefined) return own;
      const files = await legacy.read(sandbox);
      if (files === undefined) return undefined;
      try {
        return recordFromMultus(sandbox, files, searchPath, asked);
      } catch (thrown) {
        if (!damaged.has(sandbox)) onDamaged(PlexusError.from(thrown).message);
        damaged.add(sandbox);
        return undefined;
      }
    },
    write: (record) => journal.write(record),
    async remove(sandbox) {
      // Ours last, for it hides the other.
      await legacy.remove(sandbox);
      await journal.remove(sandbox);
      damaged.delete(sandbox);
    },
    async list() {
      return sorted(await journal.list(), await legacy.list());
    },
    async damaged() {
      return sorted(await journal.damaged(), damaged);
    },
  };
}

function sorted(...lists: readonly Iterable<SandboxId>[]): readonly SandboxId[] {
  return [...new Set(lists.flatMap((list) => [...list]))].toSorted();
}
