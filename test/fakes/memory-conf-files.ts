import { basename, dirname } from "node:path";
import type { ConfFiles } from "../../daemon/ports/conf-files.ts";

/** Files by their absolute paths. Change the map at any time; a directory is there as long as a file in it is. */
export function memoryConfFiles(files: ReadonlyMap<string, string> = new Map()): ConfFiles {
  const isDirectory = (path: string): boolean => [...files.keys()].some((file) => dirname(file) === path);
  return {
    isThere: (path) => Promise.resolve(files.has(path) || isDirectory(path)),
    look: (path) => {
      const text = files.get(path);
      if (text !== undefined) return Promise.resolve({ is: "file", file: { name: basename(path), text } });
      return Promise.resolve({ is: isDirectory(path) ? "directory" : "missing" });
    },
    list: (directory, endings) =>
      Promise.resolve(
        [...files]
          .filter(([path]) => dirname(path) === directory && endings.some((ending) => path.endsWith(ending)))
          .map(([path, text]) => ({ name: basename(path), text }))
          .toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))),
      ),
  };
}
