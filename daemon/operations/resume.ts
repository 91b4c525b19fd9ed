/** Pays what is owed: operations that a crash, a failing plugin or an absent daemon left unfinished. Beside serving, sandbox by sandbox. */
import { PlexusError } from "../domain/errors.ts";
import { isIfName, isNetnsPath, isSandboxId, namespace, podName, type SandboxId } from "../domain/ids.ts";
import { mayBeHosts, type NodeSettings, type Origin, parseOrigin } from "../domain/origin.ts";
import { isStaticPod } from "../domain/pod.ts";
import type { RecordedAttachment, SandboxRecord } from "../domain/sandbox-record.ts";
import type { Clock } from "../ports/clock.ts";
import type { Pods } from "../ports/pods.ts";
import type { SpooledDel, Spool } from "../ports/spool.ts";
import { type DelDeps, type DelRequest, makeDel } from "./del.ts";
import { detach } from "./detach.ts";
import type { Scope } from "./scope.ts";

export interface ResumeDeps extends DelDeps {
  readonly pods: Pods;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly node: NodeSettings;
  /** Rejects while it is not known which pods there are. */
  readonly refuseUnlessSynced: () => void;
}

/** What one round did. */
export interface ResumeReport {
  /** Sandboxes of which something was taken away. */
  readonly finished: number;
  /** Sandboxes that will be tried again. */
  readonly owed: number;
}

/** One round over the spool and the records. Never rejects: what fails is told through the scope and stays owed. */
export function makeResume(deps: ResumeDeps): (scope: Scope) => Promise<ResumeReport> {
  const del = makeDel(deps);
  return async (scope) => {
    const spooled = await attempt(scope, "the spool", async () => deps.spool.entries());
    const payments = (spooled ?? []).map((entry) => () => payDel(deps, del, entry, scope));
    const sandboxes = await attempt(scope, "the records", async () => deps.journal.list());
    const sweeps = (sandboxes ?? []).map((sandbox) => () => sweep(deps, sandbox, scope));
    const unread = [spooled, sandboxes].filter((list) => list === undefined).length;
    // Entries of one sandbox in their order, then its record; the queue sees to that, and to plugins there is a ceiling.
    const outcomes = await Promise.all([...payments, ...sweeps].map((work) => work()));
    return {
      finished: outcomes.filter((outcome) => outcome === "finished").length,
      owed: outcomes.filter((outcome) => outcome === "owed").length + unread,
    };
  };
}

type Outcome = "nothing" | "finished" | "owed";

/** A DEL that the executable noted down because no daemon listened. */
async function payDel(
  deps: ResumeDeps,
  del: (request: DelRequest, scope: Scope) => Promise<void>,
  entry: SpooledDel,
  scope: Scope,
): Promise<Outcome> {
  const { id, at, containerId, ifName, netns, netnsOverride } = entry;
  const paid = await attempt(scope, `the DEL of ${containerId} that waited`, async () => {
    if (!isSandboxId(containerId) || !isIfName(ifName)) {
      throw new PlexusError("invalid-environment", "its container id or interface name is not valid");
    }
    const netnsMayBeHosts = mayBeHosts(netnsOverride);
    const origin = originOf(deps.node, entry);
    await del({ sandbox: containerId, ifName, netns, netnsMayBeHosts, askedAt: at, origin }, scope);
    await deps.spool.remove(id);
    return true;
  });
  return paid === undefined ? "owed" : "finished";
}

/** What the runtime said of the sandbox then; without it a record that stands is still enough. */
function originOf(node: NodeSettings, entry: SpooledDel): Origin | undefined {
  try {
    return parseOrigin(entry, node);
  } catch {
    return undefined;
  }
}

async function sweep(deps: ResumeDeps, sandbox: SandboxId, scope: Scope): Promise<Outcome> {
  const outcome = await attempt(scope, `sandbox ${sandbox}`, () =>
    deps.queue.run(sandbox, "in-turn", scope.signal, async (): Promise<Outcome> => {
      const record = await deps.journal.read(sandbox);
      if (record === undefined) return "nothing";
      const owners = await ownersToDetach(deps, record, scope);
      if (owners.size === 0) return "nothing";
      const which = ({ owner }: RecordedAttachment): boolean => owners.has(owner);
      const failures = await detach(deps, record, { which }, await livingNetns(deps, record, scope), scope);
      for (const { message } of failures) scope.warn(`finishing what was left: ${message}; it will be tried again`);
      return failures.length === 0 ? "finished" : "owed";
    }),
  );
  return outcome ?? "owed";
}

/** Whose attachments must go: those of an interrupted ADD or DEL, and all of a sandbox that is gone together with its pod. */
async function ownersToDetach(deps: ResumeDeps, record: SandboxRecord, scope: Scope): Promise<ReadonlySet<string>> {
  const unfinished = record.attachments.filter(({ state }) => state !== "attached").map(({ owner }) => owner);
  if (unfinished.length === record.attachments.length || !(await isStale(deps, record, scope)))
    return new Set(unfinished);
  return new Set(record.attachments.map(({ owner }) => owner));
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
  if ((await deps.links.look(netns, first.ifName, scope.signal)) !== "netns-gone") return false;
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
  const view = await deps.links.look(netns, first.ifName, scope.signal);
  return view === "free" || view === "taken" ? netns : "";
}

/** What fails is told, not thrown: others must not wait for it. */
async function attempt<T>(scope: Scope, what: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    scope.warn(`${what} could not be finished: ${PlexusError.from(thrown).message}; it will be tried again`);
    return undefined;
  }
}

const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;

/** Rounds until the signal is raised: at once, then whenever `wake` is called, and for as long as something is owed with growing pauses. */
export async function keepResuming(
  round: () => Promise<ResumeReport>,
  clock: Clock,
  awaitWake: (signal: AbortSignal) => Promise<void>,
  stopping: AbortSignal,
): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!stopping.aborted) {
    const { owed } = await round();
    pauseMs = owed === 0 ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    const over = new AbortController();
    const either = AbortSignal.any([stopping, over.signal]);
    const waits = [awaitWake(either), ...(owed === 0 ? [] : [clock.sleep(pauseMs, either)])];
    await Promise.race(waits);
    over.abort();
  }
}
