import type { Journal } from "../../ports/journal.ts";
import type { Readings } from "../../ports/readings.ts";
import type { CleanupBacklogView } from "../recovery/pending-cleanups.ts";
import type { Readiness } from "./readiness.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";

export interface ReadingsDeps extends Pick<Readings, "plugins" | "followed" | "lost" | "credentialAgeMs"> {
  readonly queue: SandboxQueue;
  readonly journal: Journal;
  readonly backlog: CleanupBacklogView;
  readonly readiness: Readiness;
}

export function makeReadings(deps: ReadingsDeps): Readings {
  const { queue, journal, backlog, readiness, plugins, followed, lost, credentialAgeMs } = deps;
  return {
    plugins,
    followed,
    lost,
    credentialAgeMs,
    operations: () => queue.load(),
    async records() {
      const [sandboxes, damaged] = await Promise.all([journal.list(), journal.damaged()]);
      return { sandboxes: sandboxes.length, damaged: damaged.length };
    },
    pendingCleanups() {
      const pending = backlog.list();
      const spooled = pending.filter(({ ifName }) => ifName !== "").length;
      return { spooled, unfinished: pending.length - spooled };
    },
    async conditions() {
      const unmet = new Set((await readiness.obstacles()).map(({ condition }) => condition));
      return new Map(readiness.conditions.map((condition) => [condition, !unmet.has(condition)]));
    },
  };
}
