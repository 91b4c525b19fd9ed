import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { ConfChanges } from "../../ports/conf-directory.ts";

/** What is to be noticed: anything in these directories, and these files whether they are there or not. */
export interface Watched {
  readonly directories: readonly string[];
  readonly files: readonly string[];
}

/**
 * Remembers that something changed until somebody asks. A directory that cannot be watched, as it is missing or the machine has no watches to
 * spare, is tried again with each renewal.
 */
export function watchConfs({ directories, files }: Watched): ConfChanges {
  let watchers: readonly FSWatcher[] = [];
  let changed = false;
  let wake: () => void = () => undefined;

  function note(): void {
    changed = true;
    wake();
  }

  function watcherOf(directory: string, only?: string): FSWatcher[] {
    try {
      const look = (_event: string, name: string | null): void => {
        if (only === undefined || name === null || name === only) note();
      };
      return [watch(directory, { persistent: false }, look).on("error", () => undefined)];
    } catch {
      return [];
    }
  }

  function close(): void {
    for (const watcher of watchers) watcher.close();
    watchers = [];
  }

  return {
    renew() {
      const before = watchers;
      watchers = [
        ...[...new Set(directories)].flatMap((directory) => watcherOf(directory)),
        ...files.flatMap((file) => watcherOf(dirname(file), basename(file))),
      ];
      for (const watcher of before) watcher.close();
    },
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
    close,
  };
}
