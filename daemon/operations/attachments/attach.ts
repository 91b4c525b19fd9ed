/**
 * Makes the planned attachments of one owner, all or none: intent on record, run, results on record,
 * or undo. ADD and hot-plugging attach here.
 */
import { FAILURES, PlexusError } from "../../domain/errors.ts";
import type { PlannedAttachment } from "../../domain/plan.ts";
import type { RouteGoal } from "../../domain/route-plan.ts";
import type { PluginAdd, RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Sandboxes } from "../../ports/sandboxes.ts";
import { throwIfAborted, type Scope } from "../scope.ts";
import { AS_RECORDED, cleanupNetns } from "./cleanup-netns.ts";
import { detach, type DetachDeps, invocationContextOf } from "./detach.ts";
import { podPrefix } from "./pod-prefix.ts";
import { copyDeviceInfo, readDeviceInfo } from "./device-info.ts";
import { attached, intended, type Owner } from "./recorded-plan.ts";
import { type DefaultRouteChange, makeDefaultRouteChange } from "./set-default-routes.ts";

export interface AttachDeps extends DetachDeps {
  readonly sandboxes: Sandboxes;
  readonly clock: Clock;
  /** How long the undoing of a failed ADD may take: the request's own deadline has usually just passed. */
  readonly undoTimeoutMs: number;
}

export interface Attaching {
  /** The sandbox with everything that others made for it, and nothing of what is to be made. */
  readonly record: SandboxRecord;
  readonly owner: Owner;
  /** In the order of attaching. */
  readonly planned: readonly PlannedAttachment[];
  readonly routeGoals: readonly RouteGoal[];
  /** What must still succeed once the networks stand, before their results go on record. */
  readonly check: (made: readonly RecordedAttachment[]) => void;
  /** What must still succeed once the results are on record. */
  readonly show: (record: SandboxRecord) => Promise<void>;
}

/**
 * @returns the attachments, in the order of the plan
 * @throws PlexusError when one of them failed; then all of them have been taken away again, or what is
 * left of them is on record
 */
export async function attach(
  deps: AttachDeps,
  attaching: Attaching,
  scope: Scope,
): Promise<readonly RecordedAttachment[]> {
  const { record, owner, planned, routeGoals } = attaching;
  const others = record.attachments;
  const since = deps.clock.now();
  const intents = planned.map((plan) => intended(owner, plan, since));
  // @promise intent-before-plugins
  await deps.journal.write({ ...record, attachments: [...others, ...intents] });
  const begun: RecordedAttachment[] = [];
  const ours = new Set(planned.map(({ ifName }) => ifName));
  const defaultRoutes = makeDefaultRouteChange(deps.sandboxes, record.netns, routeGoals, ours);
  try {
    for (const plan of planned) await attachOne(deps, attaching, { plan, since, begun }, scope);
    return await named(podPrefix(record.pod), async () => {
      throwIfAborted(scope.signal);
      attaching.check(begun);
      await defaultRoutes.set(scope.signal);
      const done = { ...record, attachments: [...others, ...begun] };
      await deps.journal.write(done);
      await attaching.show(done);
      return begun;
    });
  } catch (thrown) {
    // @promise undo-after-failure
    await undo(deps, { ...record, attachments: [...others, ...begun] }, begun.length, defaultRoutes, scope);
    throw thrown;
  }
}

interface Turn {
  readonly plan: PlannedAttachment;
  readonly since: number;
  /** The attachments begun so far, the one under way last. */
  readonly begun: RecordedAttachment[];
}

async function attachOne(
  deps: AttachDeps,
  { record, owner }: Attaching,
  { plan, since, begun }: Turn,
  scope: Scope,
): Promise<void> {
  const { deviceInfoFiles: files, clock } = deps;
  const { sandbox, pod } = record;
  const { network, ifName, conflist } = plan;
  const intent = intended(owner, plan, since);
  const at = begun.push(intent) - 1;
  const plugins: PluginAdd[] = [];
  const beganAt = clock.now();
  const add = () => ({ beganAt, endedAt: clock.now(), plugins });
  const failure = `${podPrefix(pod, conflist.name)}error adding container to network "${conflist.name}": `;
  try {
    await copyDeviceInfo(files, sandbox, plan, scope);
    const delegate = { ...plan, cniArgs: plan.addCniArgs };
    const result = await named(
      failure,
      () => deps.conflists.add(delegate, plugins, invocationContextOf(record), scope),
      `network ${network}, interface ${ifName}`,
    );
    const info = await readDeviceInfo(files, sandbox, plan, scope);
    begun[at] = attached(intent, { result, info, add: add() });
  } catch (thrown) {
    begun[at] = { ...intent, add: add() };
    throw thrown;
  }
}

/**
 * Newest first, the one that failed included: it may have made half of what it was to make. What
 * cannot be undone stays on record, and the daemon retries it.
 * @param count how many attachments at the end of the record have begun
 */
async function undo(
  deps: AttachDeps,
  record: SandboxRecord,
  count: number,
  defaultRoutes: DefaultRouteChange,
  scope: Scope,
): Promise<void> {
  const own: Scope = { ...scope, signal: AbortSignal.timeout(deps.undoTimeoutMs) };
  await defaultRoutes.restore(own.signal).catch((thrown: unknown) => {
    scope.warn(`undoing the failed ADD: default routes stay as they are: ${PlexusError.from(thrown).message}`);
  });
  const begun = new Set(record.attachments.slice(record.attachments.length - count).map(({ ifName }) => ifName));
  try {
    const selection = { which: ({ ifName }: RecordedAttachment) => begun.has(ifName), mayRelease: () => false };
    const netns = () => cleanupNetns(deps.sandboxes, record, AS_RECORDED, own.signal);
    const failures = await detach(deps, record, selection, netns, own);
    for (const failure of failures) scope.warn(`undoing the failed ADD: ${failure.message}; DEL will try again`);
  } catch (thrown) {
    scope.warn(`undoing the failed ADD: ${PlexusError.from(thrown).message}; DEL will try again`);
  }
}

/** Leads a failure with the pod and the network that it concerns. */
export async function named<T>(prefix: string, work: () => Promise<T>, details?: string): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const error = PlexusError.from(thrown).within(prefix, details === undefined ? {} : { details });
    // Code 3 tells the runtime that there is nothing to clean up. A plugin may not say that for all of them.
    throw error.code === FAILURES["unknown-container"].cni
      ? new PlexusError("delegate-failed", error.message, { details: error.details, cause: error })
      : error;
  }
}
