import type { PlexusError } from "../../daemon/domain/errors.ts";
import type { SpooledDel, Spool } from "../../daemon/ports/spool.ts";

export interface MemorySpool extends Spool {
  /** As the executable would, when no daemon listens: the latest DEL of a container and interface takes the place of the one before. */
  put(entry: SpooledDel): void;
  /** From now on nothing can be removed, for this reason; undefined ends it. */
  refuse(error: PlexusError | undefined): void;
}

export function memorySpool(): MemorySpool {
  const entries = new Map<string, SpooledDel>();
  let refusal: PlexusError | undefined;
  return {
    put: (entry) => {
      entries.set(`${entry.containerId}@${entry.ifName}`, entry);
    },
    entries: async () => [...entries.values()].toSorted((a, b) => a.at - b.at),
    find: async (containerId, ifName) => entries.get(`${containerId}@${ifName}`),
    async remove(id) {
      if (refusal !== undefined) throw refusal;
      for (const [place, entry] of entries) if (entry.id === id) entries.delete(place);
    },
    refuse: (error) => {
      refusal = error;
    },
  };
}
