import { type FSWatcher, watch } from "node:fs";
import { access, stat } from "node:fs/promises";
import { join } from "node:path";
import { isEntryName } from "./spool-entry.ts";

export interface EntryWatch {
  /** Resolves when an entry may have come since it last resolved, and when the signal is raised. For one caller at a time. */
  next(signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * Remembers that an entry came until somebody asks. inotify does not see when the directory itself is replaced, so its inode and time are
 * looked at now and then.
 */
export async function watchEntries(directory: string, rescanMs: number): Promise<EntryWatch> {
  let watcher: FSWatcher | undefined;
  let stamp: string | undefined;
  let changed = false;
  let wake: () => void = () => undefined;

  function note(): void {
    changed = true;
    wake();
  }

  function look(_event: string, name: string | null): void {
    // What was removed is no news.
    if (name === null || isEntryName(name)) void access(join(directory, name ?? "")).then(note, () => undefined);
  }

  function watchAgain(): void {
    watcher?.close();
    try {
      watcher = watch(directory, { persistent: false }, look).on("error", () => undefined);
    } catch {
      // There is no such directory now. The next look at it tries again.
    }
  }

  async function rescan(): Promise<void> {
    watchAgain();
    const { ino, mtimeMs } = await stat(directory).catch(() => ({ ino: 0, mtimeMs: 0 }));
    const current = `${ino} ${mtimeMs}`;
    if (stamp !== undefined && current !== stamp) note();
    stamp = current;
  }

  await rescan();
  const rescanning = setInterval(() => void rescan(), rescanMs).unref();

  return {
    async next(signal) {
      if (!changed && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<undefined>();
        wake = () => resolve(undefined);
        signal.addEventListener("abort", wake, { once: true });
        await promise;
        signal.removeEventListener("abort", wake);
      }
      changed = false;
    },
    close() {
      watcher?.close();
      clearInterval(rescanning);
    },
  };
}
