import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BootId } from "../../domain/ids.ts";
import { PlexusError } from "../../domain/errors.ts";
import { refused } from "../../domain/io-failure.ts";
import type { SpooledDel, Spool } from "../../ports/spool.ts";
import {
  type EntryReading,
  entryName,
  entryOfNetns,
  isEntryName,
  isNetnsName,
  isUnfinishedName,
  nameInId,
  netnsOfEntry,
  readEntry,
} from "./spool-entry.ts";
import { watchEntries } from "./watch-entries.ts";

export interface SpoolOptions {
  readonly directory: string;
  /** Told once of each file that is no DEL. Must not throw. */
  readonly onProblem: (message: string) => void;
  readonly bootId: BootId;
  /** Unmounts a namespace that the shim kept, in the host's mount namespace, and removes the file under it. */
  readonly unmount: (path: string) => Promise<void>;
  /** How often the directory is looked at though no change was noticed. */
  readonly rescanMs?: number;
  readonly disk?: Pick<typeof fs, "unlink">;
}

export interface SpoolDirectory extends Spool {
  /** Resolves when an entry may have come since it last resolved, and when the signal is raised. For one caller at a time. */
  awaitChange(signal: AbortSignal): Promise<void>;
  /** Nothing is watched any more. */
  close(): void;
}

/** An executable that leaves an entry takes no longer than this. */
const UNFINISHED_MS = 3_600_000;

/**
 * The spool as a directory that the executable and the daemon share. It is made if it is missing; what killed executables left half-written
 * an hour ago or earlier is removed. Files that are no DELs get the name `<name>.bad`, those of a newer Plexus stay where they are.
 * @throws PlexusError `io-failure`
 */
export async function openSpool(options: SpoolOptions): Promise<SpoolDirectory> {
  const { directory, onProblem, bootId, rescanMs = 30_000, disk = fs } = options;
  await makeDirectory(directory).catch(refused("create", directory));
  await sweep(directory).catch(refused("clean up", directory));
  const read = (name: string, text: string): EntryReading => readEntry(directory, name, text, bootId);
  let reported: ReadonlySet<string> = new Set();

  /** A kept namespace that cannot be released must not keep the DEL pending: the next daemon tries again. */
  async function release(netnsName: string): Promise<void> {
    const path = join(directory, netnsName);
    try {
      if ((await fs.lstat(path).catch(unlessMissing)) !== undefined) await options.unmount(path);
    } catch (cause) {
      onProblem(`${path} cannot be unmounted: ${PlexusError.from(cause).message}; the next daemon tries again`);
    }
  }

  const names = await fs.readdir(directory).catch(refused("list", directory));
  const isOrphan = (name: string): boolean => isNetnsName(name) && !names.includes(entryOfNetns(name));
  // Not waited for: the launcher, which unmounts, may still be starting.
  void Promise.all(names.filter(isOrphan).map(release));
  const changes = await watchEntries(directory, rescanMs);

  return {
    async entries() {
      const names = await fs.readdir(directory).catch(unlessMissing).catch(refused("list", directory));
      const entries: SpooledDel[] = [];
      const problems: string[] = [];
      for (const name of (names ?? []).filter(isEntryName)) {
        const found = await readOrSetAside(directory, name, read);
        if (typeof found === "string") problems.push(found);
        else if (found !== undefined) entries.push(found);
      }
      for (const problem of problems) if (!reported.has(problem)) onProblem(problem);
      reported = new Set(problems);
      return entries.toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
    },

    async find(containerId, ifName) {
      const name = entryName(containerId, ifName);
      const text = await fs.readFile(join(directory, name), "utf8").catch(unlessMissing).catch(refused("read", name));
      const reading = text === undefined ? undefined : read(name, text);
      return reading?.kind === "entry" ? reading.entry : undefined;
    },

    // It need not survive a power cut: a DEL that is done again does no harm.
    async remove(id) {
      const name = nameInId(id);
      const path = join(directory, name);
      const text = await fs.readFile(path, "utf8").catch(unlessMissing).catch(refused("read", name));
      if (text === undefined) return;
      const reading = read(name, text);
      if (reading.kind !== "entry" || reading.entry.id !== id) return;
      await release(netnsOfEntry(name));
      await disk.unlink(path).catch(unlessMissing).catch(refused("remove", name));
    },

    awaitChange: changes.next,
    close: changes.close,
  };
}

/** The DEL in a file, or what is wrong with it; undefined when it is gone. */
async function readOrSetAside(
  directory: string,
  name: string,
  read: (name: string, text: string) => EntryReading,
): Promise<SpooledDel | string | undefined> {
  const path = join(directory, name);
  try {
    const text = await fs.readFile(path, "utf8").catch(unlessMissing);
    if (text === undefined) return undefined;
    const reading = read(name, text);
    if (reading.kind === "entry") return reading.entry;
    if (reading.kind === "newer")
      return `${path} is of a newer Plexus, in version ${reading.version} of the format; it stays for that one`;
    await fs.rename(path, `${path}.bad`);
    return `${path} is no DEL that waits: ${reading.why}; it is now ${name}.bad, look which sandbox it was for`;
  } catch (cause) {
    return `cannot read ${path}: ${String((cause as NodeJS.ErrnoException).code)}; the DEL in it waits`;
  }
}

/** Makes the directory and those above it, lets only root in, and sees to it that they last: executables will rely on that. */
async function makeDirectory(directory: string): Promise<void> {
  const topmost = await fs.mkdir(directory, { recursive: true, mode: 0o700 });
  await fs.chmod(directory, 0o700);
  if (topmost === undefined) return;
  for (let made = directory; made.length >= topmost.length; made = dirname(made)) {
    const parent = await fs.open(dirname(made), "r");
    await parent.sync().finally(() => parent.close());
  }
}

async function sweep(directory: string): Promise<void> {
  const names = await fs.readdir(directory);
  for (const path of names.filter(isUnfinishedName).map((name) => join(directory, name))) {
    const file = await fs.stat(path).catch(unlessMissing);
    if (file !== undefined && file.mtimeMs < Date.now() - UNFINISHED_MS) await fs.rm(path, { force: true });
  }
}

/** For `.catch`: no such file is an answer. */
function unlessMissing(cause: NodeJS.ErrnoException): undefined {
  if (cause.code !== "ENOENT") throw cause;
}
