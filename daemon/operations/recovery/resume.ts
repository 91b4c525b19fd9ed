/** Retries cleanup left by crashes, failed plugins or daemon downtime, beside serving, sandbox by sandbox. */
import { PlexusError } from "../../domain/errors.ts";
import type { NodeSettings } from "../../domain/origin.ts";
import type { Clock } from "../../ports/clock.ts";
import type { SpooledDel, Spool } from "../../ports/spool.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import type { Scope } from "../scope.ts";
import { type DelDeps, makeDel } from "../verbs/del.ts";
import { boundCleanups, type BoundDeps } from "./bound-cleanups.ts";
import type { CleanupBacklog } from "./pending-cleanups.ts";
import { doSpooledDel } from "./spooled-dels.ts";
import { type SweepDeps, type Swept, sweepRecord } from "./sweep-record.ts";

export interface ResumeDeps extends SweepDeps, BoundDeps {
  readonly queue: SandboxQueue;
  readonly spool: Spool;
  readonly node: NodeSettings;
  readonly backlog: CleanupBacklog;
  readonly del: Omit<DelDeps, "queue">;
}

/** What one round did. */
export interface ResumeReport {
  /** Sandboxes of which something was taken away. */
  readonly finished: number;
  /** Sandboxes that the daemon will try again. */
  readonly pending: number;
}

/** One round over the spool and the records. Never rejects: a failure is told through the scope and retried. */
export function makeResume(deps: ResumeDeps): (scope: Scope) => Promise<ResumeReport> {
  const queue: DelDeps["queue"] = { run: (...turn) => deps.queue.runBesides(...turn) };
  const del = makeDel({ ...deps.del, queue });
  return async (scope) => {
    const entries = await known(scope, "the spool", async () => deps.spool.entries());
    deps.backlog.spooled(entries ?? []);
    const spooledDels = (entries ?? []).map((entry) => () => redo({ ...deps, del }, entry, scope));
    const sandboxes = await known(scope, "the records", async () => deps.journal.list());
    const sweeps = (sandboxes ?? []).map((sandbox) => () => sweep(deps, sandbox, scope));
    const unread = [entries, sandboxes].filter((list) => list === undefined).length;
    // Entries of one sandbox in their order, then its record: the queue sees to that, and to plugins there is a ceiling.
    const outcomes = await Promise.all([...spooledDels, ...sweeps].map((work) => work()));
    await known(scope, "the list of pending cleanups", () => boundCleanups(deps, scope));
    deps.backlog.roundEnded();
    return {
      finished: outcomes.filter((outcome) => outcome === "finished").length,
      pending: outcomes.filter((outcome) => outcome === "pending").length + unread,
    };
  };
}

async function redo(
  deps: Pick<ResumeDeps, "spool" | "node" | "backlog"> & { readonly del: ReturnType<typeof makeDel> },
  entry: SpooledDel,
  scope: Scope,
): Promise<Swept> {
  try {
    await doSpooledDel(deps, entry, scope);
    deps.backlog.spooledDelDone(entry);
    return "finished";
  } catch (thrown) {
    const { message } = PlexusError.from(thrown);
    deps.backlog.spooledDelFailed(entry, message);
    scope.warn(
      `the DEL of ${entry.containerId} in the spool could not be finished: ${message}; the daemon tries again`,
    );
    return "pending";
  }
}

/** A failure is told: others must not wait for it. */
async function sweep(deps: ResumeDeps, sandbox: Parameters<typeof sweepRecord>[1], scope: Scope): Promise<Swept> {
  try {
    return await sweepRecord(deps, sandbox, false, scope);
  } catch (thrown) {
    const { message } = PlexusError.from(thrown);
    scope.warn(`sandbox ${sandbox} could not be finished: ${message}; the daemon tries again`);
    return "pending";
  }
}

/** Undefined, and told, when it cannot be read. */
async function known<T>(scope: Scope, what: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    scope.warn(`${what} cannot be read: ${PlexusError.from(thrown).message}; the daemon tries again`);
    return undefined;
  }
}

const FIRST_PAUSE_MS = 5_000;
/** Also when no cleanup is pending: a sandbox that is gone without a DEL gives no sign. */
const LONGEST_PAUSE_MS = 300_000;

/** Rounds until the signal is raised: at once, when woken, with growing pauses while a cleanup is pending, and every five minutes. */
export async function keepResuming(
  round: () => Promise<ResumeReport>,
  clock: Clock,
  awaitWake: (signal: AbortSignal) => Promise<void>,
  stopping: AbortSignal,
): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!stopping.aborted) {
    const { pending } = await round();
    pauseMs = pending === 0 ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    const over = new AbortController();
    const either = AbortSignal.any([stopping, over.signal]);
    await Promise.race([awaitWake(either), clock.sleep(pending === 0 ? LONGEST_PAUSE_MS : pauseMs, either)]);
    over.abort();
  }
}
