import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { PlexusError } from "../../domain/errors.ts";
import { decodeRecord, encodeRecord, recordFileName, refused, sandboxOfRecordFile } from "../../domain/journal-file.ts";
import type { Journal } from "../../ports/journal.ts";
import { createDurable, type Disk, syncDirectory } from "./disk.ts";

/**
 * A journal of one file per sandbox, `<stateDir>/sandboxes/<sandbox>.json`. A record is written beside its place, made durable, and
 * renamed into it: a crash at any point leaves the old record or the new one. When even the last sync fails, the new one is there and may
 * not last. Opening removes what a crash left half-written, so nobody else may be writing in the directory yet.
 *
 * Syncs of the directory are not shared between sandboxes: file systems commit concurrent ones together by themselves.
 * @throws PlexusError `io-failure`
 */
export async function openJournal(stateDir: string, disk: Disk = fs): Promise<Journal> {
  const directory = join(stateDir, "sandboxes");
  await makeDirectory(disk, directory).catch(refused("create", directory));
  await sweep(disk, directory).catch(refused("clean up", directory));
  const sync = () => syncDirectory(disk, directory).catch(refused("sync", directory));
  let writes = 0;

  return {
    async read(sandbox) {
      const name = recordFileName(sandbox);
      const text = await disk.readFile(join(directory, name), "utf8").catch(unlessMissing).catch(refused("read", name));
      if (text === undefined) return undefined;
      const record = decodeRecord(text, name, sha256);
      if (record.sandbox === sandbox) return record;
      throw new PlexusError("decode-failure", `${name} holds the record of another sandbox, ${record.sandbox}`, {
        details: "it was copied or renamed; move it back or remove it",
      });
    },

    async write(record) {
      const name = recordFileName(record.sandbox);
      const text = encodeRecord(record, sha256);
      const temporary = join(directory, `.${name}.${++writes}.tmp`);
      try {
        await createDurable(disk, temporary, text);
        await disk.rename(temporary, join(directory, name));
      } catch (cause) {
        await disk.unlink(temporary).catch(() => undefined);
        refused("write", name)(cause);
      }
      await sync();
    },

    async remove(sandbox) {
      const name = recordFileName(sandbox);
      await disk.unlink(join(directory, name)).catch(unlessMissing).catch(refused("remove", name));
      // Also when it was gone already: an earlier removal may have failed to make that last.
      await sync();
    },

    async list() {
      const names = await disk.readdir(directory).catch(refused("list", directory));
      return names
        .map(sandboxOfRecordFile)
        .filter((sandbox) => sandbox !== undefined)
        .toSorted();
    },
  };
}

/** Makes the directory and those above it, lets only root in, and sees to it that they last. */
async function makeDirectory(disk: Disk, directory: string): Promise<void> {
  const topmost = await fs.mkdir(directory, { recursive: true, mode: 0o700 });
  await fs.chmod(directory, 0o700);
  if (topmost === undefined) return;
  for (let made = directory; made.length >= topmost.length; made = dirname(made)) {
    await syncDirectory(disk, dirname(made));
  }
}

async function sweep(disk: Disk, directory: string): Promise<void> {
  const names = await disk.readdir(directory);
  const leftovers = names.filter((name) => name.startsWith(".") && name.endsWith(".tmp"));
  await Promise.all(leftovers.map((name) => disk.unlink(join(directory, name))));
}

/** For `.catch`: no such file is an answer. */
function unlessMissing(cause: NodeJS.ErrnoException): undefined {
  if (cause.code !== "ENOENT") throw cause;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
