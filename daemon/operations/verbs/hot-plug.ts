/** One network more, or one less, for a sandbox that runs: what multus-dynamic-networks-controller asks for (spec §7.2). */
import type { CniArgs } from "../../domain/cni/args.ts";
import { convertResult } from "../../domain/cni/convert.ts";
import { isAtLeast } from "../../domain/cni/version.ts";
import type { DelegateSource } from "../../domain/delegate-source.ts";
import { PlexusError } from "../../domain/errors.ts";
import { separateFlannels } from "../../domain/flannel.ts";
import type { IfName, NetnsPath, SandboxId } from "../../domain/ids.ts";
import type { JsonText } from "../../domain/json/json-object.ts";
import { type PlannedAttachment, planOneMore } from "../../domain/plan.ts";
import { refuseLargePlan, refuseManyPlugins } from "../../domain/plan-size.ts";
import { addedInterfaces } from "../../domain/pod-event.ts";
import { recordedConflist } from "../../domain/recorded-attachment.ts";
import { refuseItself } from "../../domain/runtime-conf/self-delegation.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { TenantLimits } from "../../domain/tenant-limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Events } from "../../ports/events.ts";
import type { Pods } from "../../ports/pods.ts";
import type { Sandboxes } from "../../ports/sandboxes.ts";
import { refuseTakenLinks } from "./add.ts";
import { netnsForDel } from "./del.ts";
import { delegateOf, detach, type DetachDeps, podPrefix, invocationContextOf } from "../attachments/detach.ts";
import { findPod } from "../planning/find-delegates.ts";
import { throwAll } from "../attachments/run-conflist.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import { throwIfAborted, type Scope } from "../scope.ts";

export interface HotPlugRequest {
  readonly sandbox: SandboxId;
  /** The interface that the network is, or is to be. */
  readonly ifName: IfName;
  /** Empty for a DEL of what is gone. */
  readonly netns: string;
  readonly netnsMayBeHosts: boolean;
  readonly args: CniArgs;
  readonly searchPath: readonly string[];
  readonly netnsOverride: string;
  readonly source: DelegateSource;
}

export interface HotPlugAddRequest extends HotPlugRequest {
  readonly netns: NetnsPath;
}

export interface HotPlugDeps extends DetachDeps {
  readonly queue: SandboxQueue;
  readonly pods: Pods;
  readonly sandboxes: Pick<Sandboxes, "look">;
  readonly events: Events;
  readonly clock: Clock;
  readonly limits: TenantLimits;
  /** How long undoing a failed ADD may take. */
  readonly undoTimeoutMs: number;
}

export interface HotPlugOperations {
  /**
   * Attaches the network, on record as one of those that the pod's own ADD made, so that the pod's DEL takes it away too.
   * Resolves with its result. The pod's network status is the asker's to write.
   */
  add(request: HotPlugAddRequest, scope: Scope): Promise<JsonText>;
  /** Detaches it. What is on record of it counts; without that the conf as it was given, for what Multus attached and forgot. */
  del(request: HotPlugRequest, scope: Scope): Promise<void>;
  check(request: HotPlugRequest, scope: Scope): Promise<void>;
  /** Asks the plugins of the conf; those older than CNI 1.1.0 cannot be asked. */
  status(request: HotPlugRequest, scope: Scope): Promise<void>;
}

/** Results are told in the newest version there is. */
const RESULT_VERSION = "1.1.0";

export function makeHotPlug(deps: HotPlugDeps): HotPlugOperations {
  const inTurn =
    <Request extends HotPlugRequest, T>(work: (deps: HotPlugDeps, request: Request, scope: Scope) => Promise<T>) =>
    (request: Request, scope: Scope): Promise<T> =>
      deps.queue.run(request.sandbox, "in-turn", scope.signal, () => work(deps, request, scope));
  return {
    add: inTurn(add),
    del: inTurn(del),
    check: inTurn(check),
    async status({ source, searchPath }, scope) {
      if (isAtLeast(source.conflist.version, "1.1.0")) await deps.conflists.status(source, searchPath, scope);
    },
  };
}

async function add(deps: HotPlugDeps, request: HotPlugAddRequest, scope: Scope): Promise<JsonText> {
  const { sandbox, ifName, netns } = request;
  refuseItself(request.source);
  // The caller is root; the config is a NAD's, and its author is not (issue 11).
  refuseManyPlugins(request.source.conflist, request.source.network, deps.limits);
  refuseLargePlan([request.source], deps.limits);
  const pod = await findPod(deps.pods, request.args, scope.signal);
  const { record, primary } = await standing(deps, request);
  const others = await removeLeftovers(deps, record, request, scope);
  const plan = planned(request, others);
  await refuseTakenLinks(deps.sandboxes, request, [plan], scope.signal);

  const intended: RecordedAttachment = {
    owner: primary.owner,
    confName: primary.confName,
    ifName,
    network: plan.network,
    primary: false,
    hotPlugged: true,
    state: "intended",
    conflist: plan.conflist.text,
    capabilityArgs: plan.capabilityArgs.toString(),
    cniArgs: plan.cniArgs,
    since: deps.clock.now(),
  };
  const intent = { ...record, attachments: [...others, intended] };
  await deps.journal.write(intent);

  const progress = { started: 0 };
  const around = { ...invocationContextOf(record), netns };
  try {
    const result = await deps.conflists.add({ ...plan, cniArgs: plan.addCniArgs }, progress, around, scope);
    throwIfAborted(scope.signal);
    const answer = convertResult(result, plan.conflist.version, RESULT_VERSION);
    const attached: RecordedAttachment = { ...intended, state: "attached", result };
    await deps.journal.write({ ...intent, attachments: [...others, attached] });
    const event = addedInterfaces({ ...record, attachments: [attached] });
    if (pod !== undefined && event !== undefined) deps.events.report(pod, event);
    return answer;
  } catch (thrown) {
    await undo(deps, intent, intended, { started: progress.started, netns }, scope);
    throw PlexusError.from(thrown).within(
      `${podPrefix(record.pod, plan.network)}error adding ${ifName} to sandbox ${sandbox}: `,
    );
  }
}

/** The record of a sandbox whose own ADD has ended: whatever joins it goes with it. */
async function standing(
  { journal }: HotPlugDeps,
  { sandbox }: HotPlugRequest,
): Promise<{ readonly record: SandboxRecord; readonly primary: RecordedAttachment }> {
  const record = await journal.read(sandbox);
  const primary = record?.attachments.find((attachment) => attachment.primary);
  if (record !== undefined && primary?.state === "attached") return { record, primary };
  throw new PlexusError("unknown-container", `sandbox ${sandbox} has no default network that is on record here`, {
    details:
      "a network can only join a sandbox that was attached by this daemon or, before the migration, by Multus; CNI_CONTAINERID must name the pod's sandbox, not one of its containers",
  });
}

/** The leavings of an attempt that a crash cut short go first. @returns what else the sandbox has */
async function removeLeftovers(
  deps: HotPlugDeps,
  record: SandboxRecord,
  { ifName, netns }: HotPlugRequest,
  scope: Scope,
): Promise<readonly RecordedAttachment[]> {
  const isSame = (attachment: RecordedAttachment): boolean => attachment.ifName === ifName;
  const there = record.attachments.find(isSame);
  if (there === undefined) return record.attachments;
  if (there.hotPlugged !== true || there.state === "attached") {
    throw new PlexusError("interface-conflict", `sandbox ${record.sandbox} has an interface ${ifName} already`, {
      details: `it is of network "${there.network}"; ask for another interface name, or DEL that one first`,
    });
  }
  const [failure] = await detach(deps, record, { which: isSame }, netns, scope);
  if (failure !== undefined) throw failure.within("the leavings of an interrupted ADD could not be removed: ");
  return record.attachments.filter((attachment) => !isSame(attachment));
}

function planned({ source, args, ifName }: HotPlugRequest, others: readonly RecordedAttachment[]): PlannedAttachment {
  const plan = planOneMore(source, args, ifName);
  const conflists = separateFlannels([...others.map(recordedConflist), plan.conflist], () => ifName);
  return { ...plan, conflist: conflists.at(-1) ?? plan.conflist };
}

/** What cannot be undone stays on record, and is tried again. */
async function undo(
  deps: HotPlugDeps,
  intent: SandboxRecord,
  attachment: RecordedAttachment,
  { started, netns }: { readonly started: number; readonly netns: string },
  scope: Scope,
): Promise<void> {
  const own: Scope = { ...scope, signal: AbortSignal.timeout(deps.undoTimeoutMs) };
  const selection = { which: (one: RecordedAttachment) => one === attachment, justFailed: { attachment, started } };
  try {
    throwAll(await detach(deps, intent, selection, netns, own));
  } catch (thrown) {
    scope.warn(`undoing the failed ADD: ${PlexusError.from(thrown).message}; it will be tried again`);
  }
}

async function del(deps: HotPlugDeps, request: HotPlugRequest, scope: Scope): Promise<void> {
  const { sandbox, ifName, source, args, searchPath, netnsOverride } = request;
  const record = await deps.journal.read(sandbox);
  const isMeant = (attachment: RecordedAttachment): boolean => attachment.ifName === ifName;
  const found = record?.attachments.find(isMeant);
  if (found?.primary === true) {
    throw new PlexusError("interface-conflict", `interface ${ifName} is the sandbox's default network`, {
      details: "it goes with the pod",
    });
  }
  const netns = await netnsForDel(deps.sandboxes, request, scope.signal, podPrefix(record?.pod, source.network));
  if (record === undefined || found === undefined) {
    refuseItself(source);
    const around = { sandbox, netns, searchPath, netnsOverride };
    const asGiven = { result: undefined, started: Infinity };
    await deps.conflists.del(planOneMore(source, args, ifName), asGiven, around, scope);
    return;
  }
  // From here on whatever cuts this short concerns this interface only, also when it came with the pod.
  const attachments = record.attachments.map((attachment) =>
    isMeant(attachment) ? { ...attachment, hotPlugged: true } : attachment,
  );
  throwAll(await detach(deps, { ...record, attachments }, { which: isMeant }, netns, scope));
}

async function check(deps: HotPlugDeps, { sandbox, ifName, netns }: HotPlugRequest, scope: Scope): Promise<void> {
  const record = await deps.journal.read(sandbox);
  const found = record?.attachments.find((attachment) => attachment.ifName === ifName);
  if (record === undefined || found?.state !== "attached") {
    throw new PlexusError("unknown-container", `sandbox ${sandbox} has no interface ${ifName} that is on record`, {
      details: "ADD it",
    });
  }
  const delegate = delegateOf(found);
  if (delegate.conflist.disableCheck || !isAtLeast(delegate.conflist.version, "0.4.0")) return;
  await deps.conflists.check(delegate, found.result, { ...invocationContextOf(record), netns }, scope);
}
