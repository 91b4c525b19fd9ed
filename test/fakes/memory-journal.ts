import type { PlexusError } from "../../daemon/domain/errors.ts";
import type { SandboxId } from "../../daemon/domain/ids.ts";
import { decodeRecord, encodeRecord, isOfNewerVersion } from "../../daemon/adapters/journal/record-codec.ts";
import { recordFileName } from "../../daemon/domain/state-files.ts";
import type { Journal } from "../../daemon/ports/journal.ts";

export interface MemoryJournal extends Journal {
  /** From now on every change is refused with this; undefined ends it. */
  refuse(error: PlexusError | undefined): void;
  /** Damages what is stored of a sandbox, or puts that text in its place. */
  spoil(sandbox: SandboxId, text?: string): void;
}

/** A journal without a disk. It keeps the very texts that the real one writes. */
export function memoryJournal(): MemoryJournal {
  const files = new Map<SandboxId, string>();
  const damaged = new Set<SandboxId>();
  let refusal: PlexusError | undefined;
  const change = async (make: () => void) => {
    if (refusal !== undefined) throw refusal;
    make();
  };
  return {
    async read(sandbox) {
      const text = files.get(sandbox);
      if (text === undefined) return undefined;
      try {
        return decodeRecord(text, recordFileName(sandbox));
      } catch (thrown) {
        if (isOfNewerVersion(text)) throw thrown;
        damaged.add(sandbox);
        files.delete(sandbox);
        return undefined;
      }
    },
    write: (record) => change(() => files.set(record.sandbox, encodeRecord(record))),
    remove: (sandbox) => change(() => files.delete(sandbox)),
    list: async () => [...files.keys()].toSorted(),
    damaged: async () => [...damaged].toSorted(),
    refuse: (error) => {
      refusal = error;
    },
    spoil: (sandbox, text = "{") => {
      files.set(sandbox, text);
    },
  };
}
