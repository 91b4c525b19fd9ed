import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { PlexusError } from "../../domain/errors.ts";

export interface OnlyDaemon {
  /** Lets the next one begin. */
  release(): Promise<void>;
}

/** Stays when the daemon ends: to remove it would let two daemons hold two files of one name. */
export const LOCK_FILE = "daemon.lock";

/**
 * Resolves when no other daemon works on the same state: two of them would not know of each other's operations. One that is on its way out is
 * waited for.
 *
 * The lock is flock's, on a file in the state directory that root alone can open. It belongs to the open file of this process, whatever process
 * took it: the kernel lets go of it when this process ends, however it ends, and no namespace and no reuse of a process id changes that.
 * @param launcher the launcher's executable, which calls flock(2) for us because Node cannot
 * @throws PlexusError `try-again-later` when the other one is still there after so many milliseconds, `io-failure` when there can be no lock
 */
export async function becomeOnlyDaemon(stateDir: string, waitMs: number, launcher: string): Promise<OnlyDaemon> {
  const path = join(stateDir, LOCK_FILE);
  const giveUp = performance.now() + waitMs;
  for (;;) {
    const file = await openLockFile(stateDir, path);
    const isOurs = await lock(file, path, Math.max(0, Math.ceil(giveUp - performance.now())), launcher);
    if (!isOurs) {
      await file.close();
      throw new PlexusError("try-again-later", `another plexus-daemon works with ${stateDir}`, {
        details: "it was waited for and has not ended; stop it first",
      });
    }
    if (await isStillThere(file, path)) return { release: () => file.close() };
    // The state directory was replaced meanwhile: a lock on the old file keeps no one out.
    await file.close();
  }
}

async function openLockFile(stateDir: string, path: string): Promise<FileHandle> {
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    // For reading only: a file that is open for writing keeps the disk from being remounted read-only.
    const { O_RDONLY, O_CREAT, O_NOFOLLOW } = constants;
    const file = await open(path, O_RDONLY | O_CREAT | O_NOFOLLOW, 0o600);
    const { uid, mode } = await file.stat();
    if (uid === process.geteuid?.() && (mode & 0o077) === 0) return file;
    await file.close();
    throw new Error("it belongs to another user, or others may open it; remove it while no daemon runs");
  } catch (cause) {
    throw new PlexusError("io-failure", `cannot open the lock ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Whether the lock was to be had in time. */
async function lock(file: FileHandle, path: string, waitMs: number, launcher: string): Promise<boolean> {
  const child = spawn(launcher, ["--lock", String(waitMs)], { stdio: ["ignore", "ignore", "pipe", file.fd] });
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [status, signal] = (await once(child, "close").catch((cause: unknown) => {
    throw new PlexusError("io-failure", `cannot start ${launcher}: ${(cause as Error).message}`, { cause });
  })) as [number | null, string | null];
  if (status === 0) return true;
  if (status === LOCK_IS_TAKEN) return false;
  throw new PlexusError("io-failure", `cannot take the lock ${path}: ${complaint.trim() || signal || String(status)}`);
}

/** The launcher's exit status. */
const LOCK_IS_TAKEN = 3;

async function isStillThere(file: FileHandle, path: string): Promise<boolean> {
  const [locked, named] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  return locked.ino === named?.ino && locked.dev === named.dev;
}
