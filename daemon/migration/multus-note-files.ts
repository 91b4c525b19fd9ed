import { mkdir, open, readdir, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { PlexusError } from "../domain/errors.ts";
import { isSandboxId, type SandboxId } from "../domain/ids.ts";
import type { LegacyFile, MultusNote } from "./multus-note.ts";
import { isResultFileOf, mayBeResultFileOf } from "./result-file.ts";
import type { MultusNotes } from "./multus-notes.ts";

export interface LegacyDirectories {
  /** Multus' `cniDir`: notes, and libcni's cached results in `results`. */
  readonly multusDir: string;
  /** The like of TKE's fork, without results. By default it lies where a host-local network named "multus" has its leases. */
  readonly tkeDir: string;
}

/** What Multus and the fork left, in their directories as the daemon sees them. Either may be missing. */
export function multusNoteFiles({ multusDir, tkeDir }: LegacyDirectories): MultusNotes {
  const resultsDir = join(multusDir, "results");

  return {
    async read(sandbox) {
      const files = await notes(multusDir, sandbox);
      if (files === undefined) return notes(tkeDir, sandbox);
      const results = await resultsOf(resultsDir, sandbox);
      return { ...files, results };
    },

    async write(sandbox, { scratch, results }) {
      await mkdir(resultsDir, { recursive: true, mode: 0o700 }).catch(refused("create", resultsDir));
      for (const { name, text } of results) await writeDurable(resultsDir, name, text);
      await writeDurable(multusDir, sandbox, scratch);
    },

    async remove(sandbox) {
      const path = join(multusDir, sandbox);
      if ((await writtenAt(path)) !== undefined) {
        for (const { name } of await resultsOf(resultsDir, sandbox)) await removeFile(join(resultsDir, name));
        await removeFile(path);
      }
      await removeFile(join(tkeDir, sandbox));
    },

    async list() {
      const [multus, tke] = await Promise.all([files(multusDir), files(tkeDir)]);
      const names = new Set([...multus, ...tke.filter(isRuntimesId)]);
      return [...names].filter(isSandboxId).toSorted();
    },
  };
}

/** Runtimes make up 64 hex digits; leases are named after addresses. */
function isRuntimesId(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

async function notes(directory: string, sandbox: SandboxId): Promise<MultusNote | undefined> {
  const path = join(directory, sandbox);
  const written = await writtenAt(path);
  if (written === undefined) return undefined;
  const scratch = await orMissing(readFile(path, "utf8"), "read", path);
  return scratch === undefined ? undefined : { path, scratch, writtenAt: Number(written / NS_PER_MS), results: [] };
}

const NS_PER_MS = 1_000_000n;

/** In nanoseconds since the epoch; undefined when no file is there. A sandbox may well be called "results". */
async function writtenAt(path: string): Promise<bigint | undefined> {
  const found = await orMissing(stat(path, { bigint: true }), "look at", path);
  return found?.isFile() === true ? found.mtimeNs : undefined;
}

/** Oldest first, which is the order of ADD; those of one moment by name. */
async function resultsOf(directory: string, sandbox: SandboxId): Promise<readonly LegacyFile[]> {
  const names = (await files(directory)).filter((name) => mayBeResultFileOf(sandbox, name)).toSorted();
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const text = await orMissing(readFile(path, "utf8"), "read", path);
      const written = await writtenAt(path);
      return text === undefined || written === undefined ? [] : [{ name, text, written }];
    }),
  );
  return found
    .flat()
    .filter((file) => isResultFileOf(sandbox, file))
    .toSorted((a, b) => Number(a.written - b.written))
    .map(({ name, text }) => ({ name, text }));
}

async function files(directory: string): Promise<readonly string[]> {
  const entries = (await orMissing(readdir(directory, { withFileTypes: true }), "list", directory)) ?? [];
  return entries.filter((entry) => entry.isFile() && !entry.name.startsWith(".")).map(({ name }) => name);
}

async function writeDurable(directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name);
  const temporary = join(directory, `.${name}.tmp`);
  try {
    await writeSynced(temporary, text);
    await rename(temporary, path);
    await syncDirectory(directory);
  } catch (cause) {
    await rm(temporary, { force: true });
    refused("write", path)(cause);
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function removeFile(path: string): Promise<void> {
  await orMissing(unlink(path), "remove", path);
}

async function orMissing<T>(work: Promise<T>, verb: string, path: string): Promise<T | undefined> {
  try {
    return await work;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    return refused(verb, path)(cause);
  }
}

/** For `.catch`: the disk's refusal as our error. */
function refused(verb: string, path: string): (cause: unknown) => never {
  return (cause) => {
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    throw new PlexusError("io-failure", `cannot ${verb} ${path}: ${code}`, {
      details: "Multus keeps its notes there; check the disk, and that the daemon may write",
      cause,
    });
  };
}
