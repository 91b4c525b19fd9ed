import type { SpooledDel, Spool } from "../../daemon/ports/spool.ts";

export interface MemorySpool extends Spool {
  /** As the executable would, when no daemon listens. */
  put(entry: SpooledDel): void;
}

export function memorySpool(): MemorySpool {
  const entries = new Map<string, SpooledDel>();
  return {
    put: (entry) => {
      entries.set(entry.id, entry);
    },
    entries: () => Promise.resolve([...entries.values()].toSorted((a, b) => a.at - b.at)),
    remove: (id) => {
      entries.delete(id);
      return Promise.resolve();
    },
  };
}
