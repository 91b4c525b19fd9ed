import type { PlexusError } from "../../daemon/domain/errors.ts";
import type { SandboxId } from "../../daemon/domain/ids.ts";
import type { MultusNote } from "../../daemon/migration/multus-note.ts";
import type { MultusNotes } from "../../daemon/migration/multus-notes.ts";

export interface MemoryLegacyRecords extends MultusNotes {
  /** From now on every change is refused with this; undefined ends it. */
  refuse(error: PlexusError | undefined): void;
}

/** What Multus left, without a disk. */
export function memoryMultusNotes(): MemoryLegacyRecords {
  const left = new Map<SandboxId, MultusNote>();
  let refusal: PlexusError | undefined;
  const change = async (make: () => void) => {
    if (refusal !== undefined) throw refusal;
    make();
  };
  return {
    read: async (sandbox) => left.get(sandbox),
    write: (sandbox, files) =>
      change(() => left.set(sandbox, { ...files, path: `/var/lib/cni/multus/${sandbox}`, writtenAt: 1_000 })),
    remove: (sandbox) => change(() => left.delete(sandbox)),
    list: async () => [...left.keys()].toSorted(),
    refuse: (error) => {
      refusal = error;
    },
  };
}
