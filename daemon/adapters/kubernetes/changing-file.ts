import { readFileSync, statSync } from "node:fs";
import { PlexusError } from "../../domain/errors.ts";

/** A small file that is replaced now and then. */
export interface ChangingFile {
  /** Its text, read again only when it is another file than before. Throws PlexusError `io-failure`. */
  read(): string;
  forget(): void;
}

/**
 * Looks at the file by its name each time: behind the name are links that are swapped (projected volumes, rotated certificates).
 * Looking is synchronous. It takes microseconds, and would otherwise stand in line with the journal's writes to disk.
 */
export function makeChangingFile(path: string): ChangingFile {
  let known: { readonly stamp: string; readonly text: string } | undefined;
  return {
    read() {
      try {
        const { ino, mtimeMs, size } = statSync(path);
        const stamp = [ino, mtimeMs, size].join(" ");
        if (known?.stamp !== stamp) known = { stamp, text: readFileSync(path, "utf8") };
        return known.text;
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        throw new PlexusError("io-failure", `cannot read ${path}: ${code ?? "unknown error"}`, { cause });
      }
    },
    forget() {
      known = undefined;
    },
  };
}
