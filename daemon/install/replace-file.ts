import { randomUUID } from "node:crypto";
import { link, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Leftovers of an installer that was killed are known by it, and by the dot no runtime takes them for plugins. */
const UNFINISHED = ".plexus-install-";

/**
 * Puts a file in place of another at once (spec §7.11, T297): whoever starts it gets the old or the new one, whole, also after a power cut, and
 * who runs the old one keeps it.
 */
export async function replaceFile(path: string, content: Uint8Array, mode: number): Promise<void> {
  await inPlaceOf(path, async (fresh) => {
    const file = await open(fresh, "wx", mode);
    try {
      await file.writeFile(content);
      // Once more, because of the umask.
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

/** A second name for a file, in place of whatever had that name. The content is not copied, and stays when the first name gets another. */
export async function replaceWithLink(path: string, existing: string): Promise<void> {
  await inPlaceOf(path, (fresh) => link(existing, fresh));
}

/** Makes names that were put, moved or removed in the directory last. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Removes what killed installers left half-written. */
export async function removeUnfinished(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => name.startsWith(UNFINISHED));
  await Promise.all(names.map((name) => rm(join(directory, name), { force: true })));
}

async function inPlaceOf(path: string, make: (fresh: string) => Promise<void>): Promise<void> {
  const fresh = join(dirname(path), `${UNFINISHED}${basename(path)}-${randomUUID()}`);
  try {
    await make(fresh);
    await rename(fresh, path);
  } finally {
    // Still there when something failed, and when both names were the same file's, for then the kernel renames nothing.
    await rm(fresh, { force: true });
  }
  await syncDirectory(dirname(path));
}
