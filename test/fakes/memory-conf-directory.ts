import { basename, dirname } from "node:path";
import type { PlexusError } from "../../daemon/domain/errors.ts";
import type { ConfDirectory } from "../../daemon/ports/conf-directory.ts";

export interface MemoryConfDirectory extends ConfDirectory {
  /** From now on nothing can be changed, for this reason; undefined ends it. */
  refuse(error: PlexusError | undefined): void;
}

/** Directories over files by their absolute paths, which memoryConfFiles reads. */
export function memoryConfDirectory(files: Map<string, string>): MemoryConfDirectory {
  let refusal: PlexusError | undefined;
  const change = async (apply: () => void): Promise<void> => {
    if (refusal !== undefined) throw refusal;
    apply();
  };
  return {
    names: async (directory) =>
      [...files.keys()]
        .filter((path) => dirname(path) === directory)
        .map((path) => basename(path))
        .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    write: (path, text) => change(() => files.set(path, text)),
    remove: (path) => change(() => files.delete(path)),
    refuse: (error) => {
      refusal = error;
    },
  };
}
