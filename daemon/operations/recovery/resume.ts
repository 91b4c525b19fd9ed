/** Pays what is pending: operations that a crash, a failing plugin or an absent daemon left unfinished. Beside serving, sandbox by sandbox. */
import { PlexusError } from "../../domain/errors.ts";
import { isNetnsPath, namespace, podName, type SandboxId } from "../../domain/ids.ts";
import type { NodeSettings } from "../../domain/origin.ts";
import { isStaticPod } from "../../domain/pod.ts";
import { isUnfinished, type RecordedAttachment, type SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Pods } from "../../ports/pods.ts";
import type { SpooledDel, Spool } from "../../ports/spool.ts";
import type { CleanupBacklog, CleanupKey } from "./pending-cleanups.ts";
import { type DelDeps, makeDel } from "../verbs/del.ts";
import { detach } from "../attachments/detach.ts";
import { throwAll } from "../attachments/run-conflist.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import type { Scope } from "../scope.ts";
import { doSpooledDel, type SpooledDelDeps } from "./spooled-dels.ts";

export interface ResumeDeps extends DelDeps {
  readonly queue: SandboxQueue;
  readonly pods: Pods;
  readonly spool: Spool;
  readonly node: NodeSettings;
  /** Told of what is pending, and what becomes of it. */
  readonly backlog: CleanupBacklog;
  /** Rejects while it is not known which pods there are. */
  readonly refuseUnlessSynced: () => void;
}

/** What one round did. */
export interface ResumeReport {
  /** Sandboxes of which something was taken away. */
  readonly finished: number;
  /** Sandboxes that will be tried again. */
  readonly pending: number;
}

/** One round over the spool and the records. Never rejects: what fails is told through the scope and stays owed. */
export function makeResume(deps: ResumeDeps): (scope: Scope) => Promise<ResumeReport> {
  const queue: DelDeps["queue"] = { run: (...turn) => deps.queue.runBesides(...turn) };
  const ours = { ...deps, del: makeDel({ ...deps, queue }) };
  return async (scope) => {
    const spooled = await known(scope, "the spool", async () => deps.spool.entries());
    for (const entry of spooled ?? []) deps.backlog.note(entry);
    const spooledDels = (spooled ?? []).map((entry) => () => doDel(ours, entry, scope));
    const sandboxes = await known(scope, "the records", async () => deps.journal.list());
    const sweeps = (sandboxes ?? []).map((sandbox) => () => sweep(deps, sandbox, scope));
    const unread = [spooled, sandboxes].filter((list) => list === undefined).length;
    // Entries of one sandbox in their order, then its record; the queue sees to that, and to plugins there is a ceiling.
    const outcomes = await Promise.all([...spooledDels, ...sweeps].map((work) => work()));
    deps.backlog.roundEnded();
    return {
      finished: outcomes.filter((outcome) => outcome === "finished").length,
      pending: outcomes.filter((outcome) => outcome === "pending").length + unread,
    };
  };
}

type Outcome = "nothing" | "finished" | "pending";

function doDel(deps: ResumeDeps & SpooledDelDeps, entry: SpooledDel, scope: Scope): Promise<Outcome> {
  return settled(deps, entry, `the DEL of ${entry.containerId} that waited`, scope, async () => {
    await doSpooledDel(deps, entry, scope);
    return "finished";
  });
}

function sweep(deps: ResumeDeps, sandbox: SandboxId, scope: Scope): Promise<Outcome> {
  const key = { containerId: sandbox, ifName: "" };
  return settled(deps, key, `sandbox ${sandbox}`, scope, () =>
    deps.queue.runBesides(sandbox, "in-turn", scope.signal, async () => {
      const record = await deps.journal.read(sandbox);
      if (record === undefined) return "nothing";
      const which = await whatMustGo(deps, record, scope);
      if (!record.attachments.some(which)) return "nothing";
      deps.backlog.note(key);
      throwAll(await detach(deps, record, { which }, await livingNetns(deps, record, scope), scope));
      return "finished";
    }),
  );
}

/** What fails is told and stays pending: others must not wait for it. */
async function settled(
  { backlog }: ResumeDeps,
  key: CleanupKey,
  what: string,
  scope: Scope,
  work: () => Promise<Outcome>,
): Promise<Outcome> {
  try {
    const outcome = await work();
    backlog.done(key);
    return outcome;
  } catch (thrown) {
    const { message } = PlexusError.from(thrown);
    backlog.failed(key, message);
    scope.warn(`${what} could not be finished: ${message}; it will be tried again`);
    return "pending";
  }
}

/** What an interrupted ADD or DEL left, and all of a sandbox that is gone together with its pod. */
async function whatMustGo(
  deps: ResumeDeps,
  record: SandboxRecord,
  scope: Scope,
): Promise<(attachment: RecordedAttachment) => boolean> {
  const unfinished = isUnfinished(record.attachments);
  if (record.attachments.every(unfinished) || !(await isStale(deps, record, scope))) return unfinished;
  return () => true;
}

/**
 * A sandbox that nobody will ever DEL: its network namespace is gone, and so is its pod. One alone would not do: a namespace may only be out of
 * sight of the daemon, and a pod may end before its sandbox.
 */
async function isStale(
  deps: ResumeDeps,
  { netns, pod, attachments: [first] }: SandboxRecord,
  scope: Scope,
): Promise<boolean> {
  if (pod === undefined || first === undefined) return false;
  if ((await deps.sandboxes.look(netns, [], scope.signal)).found !== "netns-gone") return false;
  deps.refuseUnlessSynced();
  const found = await deps.pods.get({ namespace: namespace(pod.namespace), name: podName(pod.name) }, scope.signal);
  if (found === undefined || isStaticPod(found)) return found === undefined;
  return pod.uid !== "" && found.uid !== "" && found.uid !== pod.uid;
}

/**
 * The namespace to name to plugins, if it is still the sandbox's. A path below /proc names a process, whose number may be another's by now;
 * what was in a namespace that is gone went with it.
 */
async function livingNetns(
  deps: ResumeDeps,
  { netns, attachments: [first] }: SandboxRecord,
  scope: Scope,
): Promise<string> {
  if (!isNetnsPath(netns) || netns.startsWith("/proc/") || first === undefined) return "";
  const { found } = await deps.sandboxes.look(netns, [], scope.signal);
  return found === "sandbox" ? netns : "";
}

/** Undefined, and told, when it cannot be read. */
async function known<T>(scope: Scope, what: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    scope.warn(`${what} cannot be read: ${PlexusError.from(thrown).message}; it will be tried again`);
    return undefined;
  }
}

const FIRST_PAUSE_MS = 5_000;
/** Also when nothing is known to be pending: of a sandbox that went without a DEL nobody tells. */
const LONGEST_PAUSE_MS = 300_000;

/** Rounds until the signal is raised: at once, then whenever woken, with growing pauses while something is pending, and now and then. */
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
