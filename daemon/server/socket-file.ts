import { chmod, lstat, mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PlexusError } from "../domain/errors.ts";

export interface SocketFile<T> {
  /** What binding came to. */
  readonly bound: T;
  /** Only our own: by now a successor may have put its socket in place. */
  remove(): Promise<void>;
}

/**
 * Binds beside the final name and renames into place: callers meet the old server or the new one, never a dead socket, and a stale socket
 * file of a daemon that was killed is simply replaced. The socket is root's alone, as is its directory if it had to be made; one that was there
 * is left as it is, for it may be everybody's, like /run.
 * @throws PlexusError `io-failure`
 */
export async function putSocket<T>(path: string, bind: (temporary: string) => Promise<T>): Promise<SocketFile<T>> {
  const directory = dirname(path);
  const temporary = join(directory, `.${process.pid}-${basename(path)}`);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await rm(temporary, { force: true });
    const bound = await bind(temporary);
    await chmod(temporary, 0o600);
    const { ino } = await lstat(temporary);
    await rename(temporary, path);
    return {
      bound,
      async remove() {
        const there = await lstat(path).catch(() => undefined);
        if (there?.ino === ino) await rm(path, { force: true });
      },
    };
  } catch (cause) {
    throw new PlexusError("io-failure", `cannot listen on ${path}: ${(cause as Error).message}`, { cause });
  }
}
