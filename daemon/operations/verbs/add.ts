import type { CniArgs } from "../../domain/cni/args.ts";
import { convertResult } from "../../domain/cni/convert.ts";
import type { Dialect } from "../../domain/dialect/dialect.ts";
import { dialectFor } from "../../domain/dialect/dialects.ts";
import { FAILURES, PlexusError } from "../../domain/errors.ts";
import type { IfName, NetnsPath, SandboxId } from "../../domain/ids.ts";
import type { JsonText } from "../../domain/json/json-object.ts";
import type { NetConf } from "../../domain/netconf.ts";
import { addedInterfaces } from "../../domain/pod-event.ts";
import type { Pod } from "../../domain/pod.ts";
import { recordedNetworkStatus } from "../../domain/recorded-network-status.ts";
import { type PlannedAttachment, planAttachments } from "../../domain/plan.ts";
import { planDefaultRoutes, type RouteGoal } from "../../domain/route-plan.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Events } from "../../ports/events.ts";
import type { Sandboxes } from "../../ports/sandboxes.ts";
import { assignDevices, type DeviceDeps } from "../planning/assign-devices.ts";
import { intendedRecord, recordedAttachment, recordedPod } from "../attachments/intended-record.ts";
import { detach, type DetachDeps, podPrefix, invocationContextOf } from "../attachments/detach.ts";
import { copyDeviceInfo, readDeviceInfo, withDeviceInfoFile } from "../attachments/device-info.ts";
import { type DelegateDeps, findDelegates, findPod } from "../planning/find-delegates.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import type { Progress } from "../attachments/run-conflist.ts";
import { throwIfAborted, type Scope } from "../scope.ts";
import { showStatus } from "../attachments/show-status.ts";
import { type DefaultRouteChange, makeDefaultRouteChange } from "../attachments/set-default-routes.ts";
import { type DefaultNetworkDeps, awaitDefaultNetwork } from "./await-default-network.ts";

export interface AddRequest {
  readonly sandbox: SandboxId;
  readonly netns: NetnsPath;
  /** CNI_IFNAME. */
  readonly ifName: IfName;
  readonly args: CniArgs;
  readonly searchPath: readonly string[];
  /** CNI_NETNS_OVERRIDE as given. */
  readonly netnsOverride: string;
  readonly netnsMayBeHosts: boolean;
  readonly netConf: NetConf;
}

export interface AddDeps extends DetachDeps, DelegateDeps, DeviceDeps, DefaultNetworkDeps {
  readonly queue: SandboxQueue;
  readonly sandboxes: Sandboxes;
  readonly events: Events;
  /** Does the DEL that waits in the spool for the same sandbox and interface, if there is one: it was asked for before this ADD. */
  readonly settle: (request: AddRequest, scope: Scope) => Promise<void>;
  /** How long undoing a failed ADD may take: the request's own deadline has usually just passed. */
  readonly undoTimeoutMs: number;
}

/** Attaches a sandbox to its networks, all or none. Resolves with the default network's result, in the version the runtime asked for. */
export function makeAdd(deps: AddDeps): (request: AddRequest, scope: Scope) => Promise<JsonText> {
  return (request, scope) =>
    deps.queue.run(request.sandbox, "in-turn", scope.signal, async () => {
      await named(podPrefix(recordedPod(request.args)), () => deps.settle(request, scope));
      return add(deps, request, scope);
    });
}

async function add(deps: AddDeps, request: AddRequest, scope: Scope): Promise<JsonText> {
  const prefix = podPrefix(recordedPod(request.args));
  const prepared = await named(prefix, () => prepare(deps, request, scope));
  return attach(deps, request, prepared, scope);
}

interface Prepared {
  /** As its source has it. Its UID may not be the runtime's: the mirror of a static pod has one of its own. */
  readonly pod: Pod | undefined;
  readonly dialect: Dialect;
  readonly planned: readonly PlannedAttachment[];
  readonly routeGoals: readonly RouteGoal[];
  readonly intent: SandboxRecord;
}

/** Everything that can be refused before a plugin runs. Ends with the intent on record. */
async function prepare(deps: AddDeps, request: AddRequest, scope: Scope): Promise<Prepared> {
  await awaitDefaultNetwork(deps, request.netConf, scope.signal, "try-again-later");
  const pod = await findPod(deps.pods, request.args, scope.signal);
  const dialect = dialectFor(request.netConf, pod);
  const sources = await findDelegates(deps, request.netConf, pod, scope).catch((thrown: unknown) => {
    tellOfMissingNetwork(deps.events, pod, PlexusError.from(thrown));
    throw thrown;
  });
  const others = await removeLeftovers(deps, request, scope);
  const held = others.flatMap(({ device }) => device ?? []);
  const needs = { sources, netConf: request.netConf, pod, podUid: request.args.podUid, held };
  const equipped = await assignDevices(deps, needs, scope);
  const planned = planAttachments({ ...request, dialect, sources: equipped }).map((plan) =>
    withDeviceInfoFile(deps.deviceInfoFiles, request.sandbox, plan),
  );
  const routeGoals = planDefaultRoutes(planned);
  await refuseTakenLinks(deps.sandboxes, request, planned, scope.signal);
  const intent = intendedRecord(deps.clock, { ...request, dialect }, planned, others);
  await deps.journal.write(intent);
  return { pod, dialect, planned, routeGoals, intent };
}

/** Runs the plan. From here on everything that exists is on record, and any failure takes it all away again. */
async function attach(
  deps: AddDeps,
  request: AddRequest,
  { pod, dialect, planned, routeGoals, intent }: Prepared,
  scope: Scope,
): Promise<JsonText> {
  const begun: RecordedAttachment[] = [];
  const progress: Progress = { started: 0 };
  const ours = new Set(planned.map(({ ifName }) => ifName));
  const defaultRoutes = makeDefaultRouteChange(deps.sandboxes, intent.netns, routeGoals, ours);
  const others = intent.attachments.filter((attachment) => !isOf(request)(attachment));
  try {
    for (const plan of planned) {
      begun.push(recordedAttachment(request, plan, intent.createdAt));
      progress.started = 0;
      await copyDeviceInfo(deps.deviceInfoFiles, request.sandbox, plan, scope);
      const result = await runPlan(deps, intent, plan, progress, scope);
      const info = await readDeviceInfo(deps.deviceInfoFiles, request.sandbox, plan, scope);
      begun[begun.length - 1] = recordedAttachment(request, plan, intent.createdAt, { result, info });
    }
    return await named(podPrefix(intent.pod), async () => {
      throwIfAborted(scope.signal);
      const answer = primaryResult(planned, begun, request.netConf);
      await defaultRoutes.set(scope.signal);
      const done = { ...intent, attachments: [...others, ...begun] };
      const status = recordedNetworkStatus(done, dialect);
      await deps.journal.write(done);
      await showStatus(deps, dialect.status, { sandbox: request.sandbox, pod, status }, scope);
      tellOfInterfaces(deps.events, pod, { ...done, attachments: begun });
      return answer;
    });
  } catch (thrown) {
    await undo(deps, { ...intent, attachments: [...others, ...begun] }, request, progress, defaultRoutes, scope);
    throw thrown;
  }
}

function tellOfMissingNetwork(events: Events, pod: Pod | undefined, { kind, message }: PlexusError): void {
  if (pod === undefined || kind !== "network-not-found") return;
  events.report(pod, { type: "Warning", reason: "NoNetworkFound", message });
}

function tellOfInterfaces(events: Events, pod: Pod | undefined, record: SandboxRecord): void {
  const event = addedInterfaces(record);
  if (pod !== undefined && event !== undefined) events.report(pod, event);
}

async function runPlan(
  { conflists }: AddDeps,
  intent: SandboxRecord,
  plan: PlannedAttachment,
  progress: Progress,
  scope: Scope,
): Promise<JsonText> {
  const name = plan.conflist.name;
  return named(
    `${podPrefix(intent.pod, name)}error adding container to network "${name}": `,
    () => conflists.add({ ...plan, cniArgs: plan.addCniArgs }, progress, invocationContextOf(intent), scope),
    `network ${plan.network}, interface ${plan.ifName}`,
  );
}

/**
 * Newest first, the one that failed included: it may have made half of what it was to make. What cannot be undone stays on record,
 * so that DEL tries again.
 */
async function undo(
  deps: AddDeps,
  record: SandboxRecord,
  request: AddRequest,
  { started }: Progress,
  defaultRoutes: DefaultRouteChange,
  scope: Scope,
): Promise<void> {
  const attachment = record.attachments.findLast(({ state }) => state === "intended");
  const justFailed = attachment && { attachment, started };
  const own: Scope = { ...scope, signal: AbortSignal.timeout(deps.undoTimeoutMs) };
  await defaultRoutes.restore(own.signal).catch((thrown: unknown) => {
    scope.warn(`undoing the failed ADD: default routes stay as they are: ${PlexusError.from(thrown).message}`);
  });
  try {
    const failures = await detach(deps, record, { which: isOf(request), justFailed }, record.netns, own);
    for (const failure of failures) scope.warn(`undoing the failed ADD: ${failure.message}; DEL will try again`);
  } catch (thrown) {
    scope.warn(`undoing the failed ADD: ${PlexusError.from(thrown).message}; DEL will try again`);
  }
}

/** Looks before anything runs, so that an interface that is there already is never taken for ours and deleted (spec §1.2). */
export async function refuseTakenLinks(
  sandboxes: Pick<Sandboxes, "look">,
  request: Pick<AddRequest, "netns" | "netnsMayBeHosts">,
  planned: readonly PlannedAttachment[],
  signal: AbortSignal,
): Promise<void> {
  const [first] = planned;
  if (first === undefined) return;
  const { netns } = request;
  const names = planned.map(({ ifName }) => ifName);
  const view = await sandboxes.look(netns, names, signal);
  switch (view.found) {
    case "sandbox": {
      const taken = planned.find(({ ifName }) => view.present.has(ifName));
      if (taken === undefined) return;
      const message = `network "${taken.network}": interface name ${taken.ifName} already exists`;
      throw new PlexusError("interface-conflict", message, {
        details: `in network namespace ${netns}; ask for another interface name, or DEL what made it first`,
      });
    }
    case "netns-gone":
      throw new PlexusError("invalid-netns", `network "${first.network}": no net namespace ${netns} found`, {
        details:
          "the sandbox went away or its namespace is not visible to the daemon; the runtime must make it before ADD",
      });
    case "not-a-netns":
      throw new PlexusError("invalid-netns", `network "${first.network}": ${netns} is not a network namespace`, {
        details: "the runtime must give the sandbox's namespace in CNI_NETNS",
      });
    case "host-netns":
      if (request.netnsMayBeHosts) return;
      throw new PlexusError(
        "invalid-netns",
        `network "${first.network}": plugin's netns and netns from CNI_NETNS should not be the same`,
        { details: `${netns} is the host's own network namespace; pods with hostNetwork need no CNI` },
      );
  }
}

/** A finished ADD must not be repeated; the leavings of one that a crash cut short are taken away first. */
async function removeLeftovers(
  deps: AddDeps,
  request: AddRequest,
  scope: Scope,
): Promise<readonly RecordedAttachment[]> {
  const record = await deps.journal.read(request.sandbox);
  if (record === undefined) return [];
  const mine = record.attachments.filter(isOf(request));
  const cameTogether = mine.filter(({ hotPlugged }) => hotPlugged !== true);
  if (cameTogether.length > 0 && cameTogether.every(({ state }) => state === "attached")) {
    throw new PlexusError("interface-conflict", `sandbox ${request.sandbox} is already attached as ${request.ifName}`, {
      details: "DEL it first",
    });
  }
  const failures = await detach(deps, record, { which: isOf(request) }, record.netns, scope);
  const [failure] = failures;
  if (failure !== undefined) {
    throw failure.within("the leavings of an interrupted ADD could not be removed: ");
  }
  return record.attachments.filter((attachment) => !isOf(request)(attachment));
}

function isOf(request: AddRequest): (attachment: RecordedAttachment) => boolean {
  return ({ owner }) => owner === request.ifName;
}

/** Only the default network's result reaches the runtime (spec §1.2). */
function primaryResult(
  planned: readonly PlannedAttachment[],
  attached: readonly RecordedAttachment[],
  netConf: NetConf,
): JsonText {
  const index = planned.findIndex(({ primary }) => primary);
  const [plan, result] = [planned[index], attached[index]?.result];
  if (plan === undefined || result === undefined) throw new PlexusError("internal", "the plan has no default network");
  return convertResult(result, plan.conflist.version, netConf.version);
}

/** Leads whatever fails with whom it concerns. */
async function named<T>(prefix: string, work: () => Promise<T>, details?: string): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const error = PlexusError.from(thrown).within(prefix, details === undefined ? {} : { details });
    // Code 3 tells the runtime that there is nothing to clean up; a delegate may not say that for all of us.
    throw error.code === FAILURES["unknown-container"].cni
      ? new PlexusError("delegate-failed", error.message, { details: error.details, cause: error })
      : error;
  }
}
