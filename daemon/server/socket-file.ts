import { chmod, chown, lstat, mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PlexusError } from "../domain/errors.ts";

export interface SocketFile<T> {
  /** What `bind` returned. */
  readonly bound: T;
  /** Removes the socket unless a successor has put its own in place. */
  remove(): Promise<void>;
}

/**
 * Binds beside the final name and renames into place: a client meets the old server or the new one, and a stale socket of a
 * daemon that was killed is replaced. Only root may open the socket, and the group `groupId` where it is given. A directory
 * that had to be made is root's alone, but for the right to pass through it that such a group needs; one that existed keeps
 * its mode otherwise, since other programs may use it, as with /run.
 * @throws PlexusError `io-failure`
 */
export async function putSocket<T>(
  path: string,
  bind: (temporary: string) => Promise<T>,
  groupId?: number,
): Promise<SocketFile<T>> {
  const directory = dirname(path);
  const temporary = join(directory, `.${process.pid}-${basename(path)}`);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await rm(temporary, { force: true });
    const bound = await bind(temporary);
    await chmod(temporary, 0o600);
    if (groupId !== undefined) await open(temporary, groupId);
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

/** Lets a group use the socket. Every other socket of the directory still has its own mode. */
async function open(socket: string, groupId: number): Promise<void> {
  const { uid } = await lstat(socket);
  await chown(socket, uid, groupId);
  await chmod(socket, 0o660);
  const directory = dirname(socket);
  const { mode } = await stat(directory);
  await chmod(directory, (mode & 0o7777) | PASS_THROUGH);
}

const PASS_THROUGH = 0o011;
