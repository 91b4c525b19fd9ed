import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { PlexusError } from "../../domain/errors.ts";
import type { SandboxId } from "../../domain/ids.ts";
import { refused } from "../../domain/io-failure.ts";
import {
  damagedRecordFileName,
  recordFileName,
  sandboxOfDamagedRecordFile,
  sandboxOfRecordFile,
} from "../../domain/state-files.ts";
import type { SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Journal } from "../../ports/journal.ts";
import { decodeRecord, encodeRecord, isOfNewerVersion } from "./record-codec.ts";
import { createDurable, type Disk, syncDirectory } from "./disk.ts";

/**
 * A journal of one file per sandbox, `<stateDir>/sandboxes/<sandbox>.json`. A record is written beside its place, made durable, and
 * renamed into it: a crash at any point leaves the old record or the new one. When even the last sync fails, the new one is there and may
 * not last. Opening removes what a crash left half-written, so nobody else may be writing in the directory yet.
 *
 * Syncs of the directory are not shared between sandboxes: file systems commit concurrent ones together by themselves.
 *
 * There is no second copy of a record. With atomic, synced writes a crash cannot damage one; what is left (a disk that lies, a flipped bit, an
 * edit) is so rare that it does not pay for two more syncs on every ADD, while a copy beside the record would mostly share its fate. A record
 * that does not match its checksum is not used even if it can be parsed: a wrong byte in a network's name makes plugins report success and
 * free nothing. It is renamed to `<sandbox>.json.bad-<ms>`, and DEL works out anew what there is to take away.
 * @param onDamaged told once of each damaged record, where it is now included
 * @throws PlexusError `io-failure`
 */
export async function openJournal(
  stateDir: string,
  onDamaged: (problem: string) => void,
  disk: Disk = fs,
): Promise<Journal> {
  const directory = join(stateDir, "sandboxes");
  await makeDirectory(disk, directory).catch(refused("create", directory));
  await sweep(disk, directory).catch(refused("clean up", directory));
  const sync = () => syncDirectory(disk, directory).catch(refused("sync", directory));
  let writes = 0;

  async function setAside(sandbox: SandboxId, problem: string): Promise<void> {
    const [from, to] = [recordFileName(sandbox), damagedRecordFileName(sandbox, Date.now())];
    try {
      await disk.rename(join(directory, from), join(directory, to));
    } catch (cause) {
      // Whoever else read it was faster.
      if (isErrno(cause, "ENOENT")) return;
      refused("set aside", from)(cause);
    }
    onDamaged(`${problem}; it is now ${join(directory, to)}`);
    await sync();
  }

  return {
    async read(sandbox) {
      const name = recordFileName(sandbox);
      const text = await readText(disk, join(directory, name)).catch(refused("read", name));
      if (text === undefined) return undefined;
      const found = attemptDecode(text, sandbox);
      if (typeof found !== "string") return found;
      await setAside(sandbox, found);
      return undefined;
    },

    async write(record) {
      const name = recordFileName(record.sandbox);
      const text = encodeRecord(record);
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

    async damaged() {
      const names = await disk.readdir(directory).catch(refused("list", directory));
      const sandboxes = names.map(sandboxOfDamagedRecordFile).filter((sandbox) => sandbox !== undefined);
      return [...new Set(sandboxes)].toSorted();
    },
  };
}

/** Undefined when there is no such file; a directory in its place has no text. */
async function readText(disk: Disk, path: string): Promise<string | undefined> {
  try {
    return await disk.readFile(path, "utf8");
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    if (isErrno(cause, "EISDIR")) return "";
    throw cause;
  }
}

/** The record, or what is wrong with it. @throws PlexusError `decode-failure` for one that a newer Plexus wrote */
function attemptDecode(text: string, sandbox: SandboxId): SandboxRecord | string {
  const name = recordFileName(sandbox);
  try {
    const record = decodeRecord(text, name);
    return record.sandbox === sandbox ? record : `${name} holds the record of another sandbox, ${record.sandbox}`;
  } catch (thrown) {
    const error = PlexusError.from(thrown);
    if (error.kind !== "decode-failure" || isOfNewerVersion(text)) throw error;
    return error.message;
  }
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
function unlessMissing(cause: unknown): undefined {
  if (!isErrno(cause, "ENOENT")) throw cause;
}

function isErrno(cause: unknown, code: string): boolean {
  return cause instanceof Error && "code" in cause && cause.code === code;
}
