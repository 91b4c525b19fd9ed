import * as fs from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PlexusError } from "../../domain/errors.ts";
import type { ConfDirectory } from "../../ports/conf-directory.ts";

/** Directories of this machine. One daemon at a time writes to them, so what a crash left half-written lies where the next write begins. */
export function makeConfDirectory(disk: Pick<typeof fs, "rename" | "rm"> = fs): ConfDirectory {
  return {
    async names(directory) {
      try {
        return (await fs.readdir(directory)).toSorted(byBytes);
      } catch (cause) {
        if (isErrno(cause, "ENOENT")) return [];
        throw failure("list", directory, cause);
      }
    },

    async write(path, text, mode) {
      const directory = dirname(path);
      // Runtimes go by the ending, so not by this one.
      const temporary = join(directory, `.${basename(path)}.tmp`);
      try {
        await fs.mkdir(directory, { recursive: true, mode: 0o755 });
        await disk.rm(temporary, { force: true });
        await create(temporary, text, mode);
        await disk.rename(temporary, path);
        await syncDirectory(directory);
      } catch (cause) {
        await disk.rm(temporary, { force: true }).catch(() => undefined);
        throw failure("write", path, cause);
      }
    },

    async remove(path) {
      try {
        await disk.rm(path, { force: true });
        await syncDirectory(dirname(path));
      } catch (cause) {
        if (!isErrno(cause, "ENOENT")) throw failure("remove", path, cause);
      }
    },
  };
}

/** Resolves when the content will survive a power cut; the name needs syncDirectory too. */
async function create(path: string, text: string, mode: number): Promise<void> {
  const file = await fs.open(path, "wx", mode);
  try {
    // The daemon's umask has taken from it.
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await fs.open(path, "r");
  await directory.sync().finally(() => directory.close());
}

function failure(what: string, path: string, cause: unknown): PlexusError {
  const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  return new PlexusError("io-failure", `cannot ${what} ${path}: ${reason}`, { cause });
}

function isErrno(cause: unknown, code: string): boolean {
  return cause instanceof Error && "code" in cause && cause.code === code;
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
