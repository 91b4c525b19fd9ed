/** Puts a node back as it was before Plexus, without leaving anything of a pod behind. */
import { readdir, rm, rmdir, utimes } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PlexusError } from "../domain/errors.ts";
import { EXECUTABLE, removeExecutables, type Say } from "./executables.ts";
import { syncDirectory } from "./replace-file.ts";
import { stillAttached } from "./still-attached.ts";

/** Where things are on the node. */
export interface Places {
  /** The runtime's plugin directory. */
  readonly binDir: string;
  /** The network config that the daemon wrote. */
  readonly confFile: string;
  readonly stateDir: string;
  readonly socketDir: string;
}

/** A daemon that serves what is attached and never writes a network config. */
export interface ServingDaemon {
  stop(): Promise<void>;
  /** Rejects when the daemon ends by itself. */
  readonly ended: Promise<never>;
}

/** How often what is attached is looked at. */
const LOOK_EVERY_MS = 2_000;
/** Nothing has to be attached so many looks in a row: an ADD of before may have been under way. */
const LOOKS_TO_BE_SURE = 3;
/** How often the daemon is made to look for sandboxes that nobody will delete any more. */
const NUDGE_EVERY_LOOKS = 30;
const NAMED = 5;
/** All that the daemon makes in the state directory, which may have been given to others as well. */
const OURS_IN_STATE = ["sandboxes", "spool", "daemon.lock"];

/**
 * For a node whose daemon has ended.
 * @param force also when something is attached; the executable then stays, for runtimes that delete with the conf of ADD
 * @throws PlexusError `try-again-later` when a daemon serves, or something is attached; then nothing was touched
 */
export async function uninstall(places: Places, force: boolean, say: Say): Promise<void> {
  if (await someoneListens(places.socketDir)) {
    throw new PlexusError("try-again-later", "plexus-daemon is running on this node and would go on serving it", {
      details: "stop it first, or let --wait do so in its place: docs/install.md, Uninstall",
    });
  }
  const attached = await stillAttached(places.stateDir);
  if (attached.length > 0 && !force) {
    throw new PlexusError("try-again-later", `still attached: ${some(attached)}`, {
      details:
        "--wait serves them until they are gone; plexus-daemon --export-multus hands them to Multus; --force leaves them behind",
    });
  }
  await removeConf(places.confFile, say);
  await clear(places, attached, say);
}

/**
 * For a node that goes on working: new pods are no longer ours from the start, those attached are served until they are gone.
 * @param serve resolves when a daemon serves and no other does
 * @param signal rejects it, with the daemon stopped and the rest as it was
 */
export async function uninstallWhenIdle(
  places: Places,
  serve: () => Promise<ServingDaemon>,
  say: Say,
  signal: AbortSignal,
  lookEveryMs = LOOK_EVERY_MS,
): Promise<void> {
  // Only now: an earlier daemon might write the conf again.
  const daemon = await serve();
  const over = new AbortController();
  try {
    await removeConf(places.confFile, say);
    const either = AbortSignal.any([signal, over.signal]);
    await Promise.race([untilNothingIsAttached(places.stateDir, say, either, lookEveryMs), daemon.ended]);
  } finally {
    over.abort();
    await daemon.stop();
  }
  const late = await stillAttached(places.stateDir);
  if (late.length > 0) throw new PlexusError("try-again-later", `attached in the last moment: ${some(late)}`);
  await clear(places, [], say);
}

async function untilNothingIsAttached(
  stateDir: string,
  say: Say,
  signal: AbortSignal,
  lookEveryMs: number,
): Promise<void> {
  let told = -1;
  for (let looks = 1, idle = 0; idle < LOOKS_TO_BE_SURE; looks++) {
    const attached = await stillAttached(stateDir);
    idle = attached.length === 0 ? idle + 1 : 0;
    if (attached.length !== told)
      say(attached.length === 0 ? "nothing is attached" : `still attached: ${some(attached)}`);
    told = attached.length;
    if (looks % NUDGE_EVERY_LOOKS === 0) await nudge(stateDir);
    await sleep(lookEveryMs, undefined, { signal }).catch(() => {
      signal.throwIfAborted();
    });
  }
}

/** A daemon looks at all its records when its spool has changed: those of pods that the runtime deleted with another conf are due. */
async function nudge(stateDir: string): Promise<void> {
  const now = new Date();
  await utimes(join(stateDir, "spool"), now, now).catch(() => undefined);
}

async function removeConf(path: string, say: Say): Promise<void> {
  try {
    await rm(path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new PlexusError("io-failure", `cannot remove ${path}: ${(cause as Error).message}`, { cause });
  }
  say(`${path} removed: new pods are the next network config's`);
}

async function clear(places: Places, attached: readonly string[], say: Say): Promise<void> {
  const { binDir, stateDir, socketDir } = places;
  await removeExecutables(binDir, attached.length > 0 ? [EXECUTABLE] : [], say);
  for (const socket of ["plexus.sock", "plexus-operator.sock", "plexus-inspector.sock"])
    await rm(join(socketDir, socket), { force: true });
  await removeIfEmpty(socketDir);
  if (attached.length > 0) {
    say(`left behind: ${some(attached)}`);
    say(
      `${join(binDir, EXECUTABLE)} stays, for runtimes that delete them with it, and ${stateDir}: a Plexus that comes back finishes them`,
    );
    return;
  }
  const damaged = (await namesBelow(stateDir)).filter((name) => name.includes(".bad"));
  if (damaged.length > 0) {
    say(`${stateDir} stays: ${some(damaged)} could not be read, see docs/reliability.md`);
    return;
  }
  for (const name of OURS_IN_STATE) await rm(join(stateDir, name), { recursive: true, force: true });
  // Which fails where it is mounted.
  await removeIfEmpty(stateDir);
  say("nothing of Plexus is left on this node");
  const theirs = await namesBelow(stateDir, false);
  if (theirs.length > 0) say(`${stateDir} stays: ${some(theirs)} is not Plexus'`);
}

async function removeIfEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch(() => undefined);
}

async function namesBelow(directory: string, recursive = true): Promise<readonly string[]> {
  return readdir(directory, { recursive }).catch(() => []);
}

function some(names: readonly string[]): string {
  const rest = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  return names.slice(0, NAMED).join(", ") + rest;
}

function someoneListens(socketDir: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(join(socketDir, "plexus.sock"))
      .once("connect", () => {
        socket.destroy();
        resolve(true);
      })
      .once("error", () => {
        resolve(false);
      });
  });
}
