import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PlexusError } from "../../domain/errors.ts";
import { refused } from "../../domain/io-failure.ts";
import { statusFileName } from "../../domain/state-files.ts";
import type { StatusBoard } from "../../ports/status-board.ts";

/**
 * Shows a sandbox's network status in a file beside its journal record, where there is no cluster to show it in. The journal has made
 * the directory, and sweeps up what a crash leaves half-written.
 *
 * A reader finds the old status or the new one, never a part of one. Nothing here waits for the disk: after a power cut a status
 * may be old, empty or missing, and can be made again from the record.
 */
export function makeStatusFiles(stateDir: string): StatusBoard {
  const directory = join(stateDir, "sandboxes");
  let writes = 0;

  return {
    async publish({ sandbox }, status, signal) {
      if (signal.aborted)
        throw new PlexusError("try-again-later", `showing the status of sandbox ${sandbox} was given up`);
      const name = statusFileName(sandbox);
      const temporary = join(directory, `.${name}.${++writes}.tmp`);
      try {
        await writeFile(temporary, `${status}\n`, { mode: 0o600 });
        await rename(temporary, join(directory, name));
      } catch (cause) {
        await rm(temporary, { force: true }).catch(() => undefined);
        refused("write", name)(cause);
      }
    },

    async withdraw(sandbox) {
      const name = statusFileName(sandbox);
      await rm(join(directory, name), { force: true }).catch(refused("remove", name));
    },
  };
}
