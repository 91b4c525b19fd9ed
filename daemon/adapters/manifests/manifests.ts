import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { PlexusError } from "../../domain/errors.ts";
import type { TenantLimits } from "../../domain/tenant-limits.ts";
import type { Networks } from "../../ports/networks.ts";
import type { Pods } from "../../ports/pods.ts";
import { keyOf, makeManifestReader, type Problem, problemOf, type Reading } from "./read-manifests.ts";
import { shareNext } from "./share-next.ts";
import { type Waiter, waitForValue } from "./wait-for-value.ts";

export interface ManifestsOptions {
  readonly directory: string;
  /** How long an unknown pod is waited for. */
  readonly podWaitMs: number;
  /** A NAD that is over them is known by its name only. */
  readonly limits?: Pick<TenantLimits, "networkConfigBytes">;
  /** Told once of whatever is wrong, and again when it changes. Must not throw. */
  readonly onProblem: (message: string) => void;
  /** From the first of several changes to their being read together. */
  readonly settleMs?: number;
  /** How often the directory is read though no change was noticed. */
  readonly rereadMs?: number;
}

export interface Manifests {
  readonly pods: Pods;
  readonly networks: Networks;
  /** Nothing is watched and nobody waits any more; what is known can still be asked for. */
  close(): void;
}

/**
 * Pods and networks from a directory of manifests, kept up to date, for a machine without Kubernetes. Resolves after the first reading.
 *
 * Changes are noticed by inotify, which does not see all: that the file behind a link was edited, that the directory is back. So the
 * directory is also read now and then, and whenever an unknown pod is asked for. It is watched anew just before each reading, so that the
 * watch is on the directory that is read, and what happens meanwhile leads to another reading.
 * @throws PlexusError `invalid-config` when there is no such directory
 */
export async function openManifests(options: ManifestsOptions): Promise<Manifests> {
  const { directory, podWaitMs, onProblem, settleMs = 50, rereadMs = 10_000 } = options;
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    throw new PlexusError("invalid-config", `there is no manifest directory ${directory}`, {
      details: "create it, or configure another",
    });
  }

  const read = makeManifestReader(directory, options.limits);
  const waiters = new Set<Waiter>();
  let known: Reading = { pods: new Map(), networks: new Map(), problems: [] };
  let reported: ReadonlySet<string> = new Set();
  let watcher: FSWatcher | undefined;
  let settling: NodeJS.Timeout | undefined;
  let closed = false;

  function rereadSoon(): void {
    settling ??= setTimeout(() => {
      settling = undefined;
      void reread();
    }, settleMs);
  }

  /** What keeps the directory from being watched. */
  function watchAgain(): unknown {
    watcher?.close();
    try {
      watcher = watch(directory, rereadSoon).on("error", rereadSoon);
      return undefined;
    } catch (cause) {
      return cause;
    }
  }

  /** A directory that was missing for the watch and is there for the reading has just come back. */
  function watchProblems(cause: unknown): Problem[] {
    if (cause === undefined) return [];
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") {
      return [problemOf(`cannot watch the manifest directory ${directory}, changes are noticed late`, cause)];
    }
    rereadSoon();
    return [];
  }

  const reread = shareNext(async () => {
    if (closed) return;
    const unwatched = watchAgain();
    let problems: Problem[];
    try {
      known = await read();
      problems = watchProblems(unwatched);
    } catch (cause) {
      problems = [problemOf(`cannot read the manifest directory ${directory}, what it said before stays`, cause)];
    }
    problems.push(...known.problems);
    for (const { id, message } of problems) if (!reported.has(id)) onProblem(message);
    reported = new Set(problems.map(({ id }) => id));
    for (const waiter of waiters) waiter.look();
  });

  await reread();
  const rereading = setInterval(() => void reread(), rereadMs);

  return {
    pods: {
      async get(key, signal, isMeant = () => true) {
        const find = () => known.pods.get(keyOf(key));
        const findMeant = () => {
          const pod = find();
          return pod !== undefined && isMeant(pod) ? pod : undefined;
        };
        const pod = findMeant();
        if (pod !== undefined || closed) return pod ?? find();
        void reread();
        return (await waitForValue(findMeant, podWaitMs, signal, waiters)) ?? find();
      },
    },
    networks: { get: (namespace, name) => known.networks.get(keyOf({ namespace, name })) },
    close() {
      closed = true;
      watcher?.close();
      clearTimeout(settling);
      clearInterval(rereading);
      for (const waiter of waiters) waiter.giveUp();
    },
  };
}
