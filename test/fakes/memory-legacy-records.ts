import type { PlexusError } from "../../daemon/domain/errors.ts";
import type { SandboxId } from "../../daemon/domain/ids.ts";
import type { LegacyFiles } from "../../daemon/domain/legacy/legacy-files.ts";
import type { LegacyRecords } from "../../daemon/ports/legacy-records.ts";

export interface MemoryLegacyRecords extends LegacyRecords {
  /** From now on every change is refused with this; undefined ends it. */
  refuse(error: PlexusError | undefined): void;
}

/** What Multus left, without a disk. */
export function memoryLegacyRecords(): MemoryLegacyRecords {
  const left = new Map<SandboxId, LegacyFiles>();
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
