/** The executable in the runtime's plugin directory, under its own name and others, and what had those names before. */
import { chmod, lstat, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { PlexusError } from "../domain/errors.ts";
import { removeUnfinished, replaceFile, replaceWithLink, syncDirectory } from "./replace-file.ts";

export const EXECUTABLE = "plexus";

const BACKUP = ".before-plexus";

/** Every version of the executable has it inside, and nobody else's has: the daemon's service. */
const MARK = "/plexus.v1.Cni/";

/** Tells what was done, a line at a time. */
export type Say = (line: string) => void;

/**
 * Puts the executable into the directory under each of the names. What has such a name and is not ours is kept beside it, to be put back by
 * `removeExecutables`. A name that has it already is left alone, so that nothing is written when nothing changes.
 * @throws PlexusError `io-failure`; what was there before is then still there
 */
export async function installExecutables(
  directory: string,
  names: readonly string[],
  content: Uint8Array,
  mode: number,
  say: Say,
): Promise<void> {
  await inDirectory(directory, removeUnfinished);
  for (const name of names) {
    const path = join(directory, name);
    await failing(`install ${path}`, async () => {
      const present = await look(path);
      if (present.content?.equals(content) === true) {
        if (present.mode !== mode) await chmod(path, mode);
        say(`${path} is up to date`);
        return;
      }
      if (present.exists && !isOurs(present.content)) {
        await replaceWithLink(path + BACKUP, path);
        say(`${path} was another program, which is now ${path}${BACKUP}`);
      }
      await replaceFile(path, content, mode);
      say(`${path} ${present.exists ? "replaced" : "installed"}`);
    });
  }
}

/**
 * Takes the executable away under whatever name it has, and puts back what had the name before.
 * @param except names that stay as they are
 * @throws PlexusError `io-failure`
 */
export async function removeExecutables(directory: string, except: readonly string[], say: Say): Promise<void> {
  await inDirectory(directory, removeUnfinished);
  const present = await inDirectory(directory, (path) => readdir(path));
  const backedUp = present.filter((name) => name.endsWith(BACKUP)).map((name) => name.slice(0, -BACKUP.length));
  for (const name of backedUp) await restore(directory, name, say);
  for (const name of present) {
    const path = join(directory, name);
    if (backedUp.includes(name) || except.includes(name) || name.endsWith(BACKUP)) continue;
    if (!isOurs((await failing(`read ${path}`, () => look(path))).content)) continue;
    await failing(`remove ${path}`, () => rm(path));
    say(`${path} removed`);
  }
  await inDirectory(directory, syncDirectory);
}

/** Whoever came after us may have put a program of its own in the place of ours; then there is nothing to put back. */
async function restore(directory: string, name: string, say: Say): Promise<void> {
  const path = join(directory, name);
  await failing(`put back ${path}`, async () => {
    const present = await look(path);
    if (present.exists && !isOurs(present.content)) {
      await rm(path + BACKUP);
      say(`${path} is another program again; ${path}${BACKUP} removed`);
    } else {
      await rename(path + BACKUP, path);
      say(`${path} is again what it was before`);
    }
  });
}

interface Present {
  readonly exists: boolean;
  /** Undefined for what is no regular file. */
  readonly content?: Buffer;
  readonly mode?: number;
}

async function look(path: string): Promise<Present> {
  try {
    await lstat(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return { exists: false };
    throw cause;
  }
  // A link is looked through; one that leads nowhere is something, but no file.
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) return { exists: true };
  return { exists: true, content: await readFile(path), mode: found.mode & 0o7777 };
}

function isOurs(content: Buffer | undefined): boolean {
  return content?.includes(MARK) === true;
}

async function inDirectory<T>(directory: string, act: (directory: string) => Promise<T>): Promise<T> {
  return failing(`use ${directory}`, () => act(directory), "it must be the node's plugin directory, mounted writable");
}

async function failing<T>(what: string, act: () => Promise<T>, details?: string): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new PlexusError("io-failure", `cannot ${what}: ${code ?? message}`, { details, cause });
  }
}
