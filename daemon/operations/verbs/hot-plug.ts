/** One network more, or one less, for a sandbox that runs: multus-dynamic-networks-controller asks for it (spec §7.2). */
import type { CniArgs } from "../../domain/cni/args.ts";
import { convertResult } from "../../domain/cni/convert.ts";
import { isAtLeast } from "../../domain/cni/version.ts";
import type { DelegateSource } from "../../domain/delegate-source.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { IfName, NetnsPath, SandboxId } from "../../domain/ids.ts";
import type { JsonText } from "../../domain/json/json-object.ts";
import { planOneMore } from "../../domain/plan.ts";
import { addedInterfaces } from "../../domain/pod-event.ts";
import { refuseItself } from "../../domain/runtime-conf/self-delegation.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Events } from "../../ports/events.ts";
import type { Pods } from "../../ports/pods.ts";
import type { Attachments, NetnsFacts } from "../attachments/attachments.ts";
import { invocationContextOf } from "../attachments/detach.ts";
import { type ConflistRunner, throwAll } from "../attachments/run-conflist.ts";
import { findPod } from "../planning/find-pod.ts";
import type { Planner } from "../planning/plan-sandbox.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import type { Scope } from "../scope.ts";

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

export interface HotPlugDeps {
  readonly queue: SandboxQueue;
  readonly pods: Pods;
  readonly planner: Planner;
  readonly attachments: Attachments;
  readonly conflists: ConflistRunner;
  readonly events: Events;
}

export interface HotPlugOperations {
  /**
   * Attaches the network, on record as one of those that the pod's own ADD made, so that the pod's DEL
   * takes it away too. Resolves with its result. The caller writes the pod's network status.
   */
  add(request: HotPlugAddRequest, scope: Scope): Promise<JsonText>;
  /** Detaches it, by its record; without one by the conf of the request, for what Multus attached and forgot. */
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
  const { ifName, netns } = request;
  const pod = await findPod(deps.pods, request.args, scope.signal);
  const { record, primary } = await standing(deps, request);
  const others = record.attachments.filter((attachment) => attachment.ifName !== ifName);
  const plan = await deps.planner.hotPlug(request, { pod, others }, scope);
  await removeLeftover(deps, record, request, scope);
  const facts = await deps.attachments.refuseTaken(request, [plan], scope.signal);
  refuseAnother(record, request, facts);
  const convert = (text: JsonText): JsonText => convertResult(text, plan.conflist.version, RESULT_VERSION);
  const [made] = await deps.attachments.attach(
    {
      record: { ...record, netns, attachments: others },
      owner: { owner: primary.owner, confName: primary.confName, hotPlugged: true },
      planned: [plan],
      routeGoals: [],
      check: ([one]) => void convert(one?.result?.text ?? "{}"),
      show: () => Promise.resolve(),
    },
    scope,
  );
  if (made?.result === undefined) throw new PlexusError("internal", "the network was attached without a result");
  const event = addedInterfaces([made]);
  if (pod !== undefined && event !== undefined) deps.events.report(pod, event);
  return convert(made.result.text);
}

/** @throws PlexusError `invalid-netns` when the path leads to another namespace than the sandbox's */
function refuseAnother(record: SandboxRecord, { netns }: HotPlugAddRequest, facts: NetnsFacts): void {
  const { netnsIdentity, bootId } = record;
  if (netnsIdentity === undefined) return;
  if (netnsIdentity === facts.netnsIdentity && bootId === facts.bootId) return;
  throw new PlexusError("invalid-netns", `${netns} is not the network namespace of sandbox ${record.sandbox}`, {
    details: "the path leads to another namespace by now; the sandbox has to be made anew",
  });
}

/** The record of a sandbox whose own ADD has ended: a network that joins it goes with it. */
async function standing(
  { attachments }: HotPlugDeps,
  { sandbox }: HotPlugRequest,
): Promise<{ readonly record: SandboxRecord; readonly primary: RecordedAttachment }> {
  const record = await attachments.read(sandbox);
  const primary = record?.attachments.find((attachment) => attachment.primary);
  if (record !== undefined && primary?.state === "attached") return { record, primary };
  throw new PlexusError("unknown-container", `sandbox ${sandbox} has no default network that is on record here`, {
    details:
      "a network can only join a sandbox that was attached by this daemon or, before the migration, by Multus; CNI_CONTAINERID must name the pod's sandbox, not one of its containers",
  });
}

/** What an attempt left that a crash cut short goes first. */
async function removeLeftover(
  { attachments }: HotPlugDeps,
  record: SandboxRecord,
  { ifName }: HotPlugRequest,
  scope: Scope,
): Promise<void> {
  const isSame = (attachment: RecordedAttachment): boolean => attachment.ifName === ifName;
  const there = record.attachments.find(isSame);
  if (there === undefined) return;
  if (there.hotPlugged !== true || there.state === "attached") {
    throw new PlexusError("interface-conflict", `sandbox ${record.sandbox} has an interface ${ifName} already`, {
      details: `it is of network "${there.network}"; ask for another interface name, or DEL that one first`,
    });
  }
  await attachments.removeLeftovers(record, isSame, scope);
}

async function del(deps: HotPlugDeps, request: HotPlugRequest, scope: Scope): Promise<void> {
  const { sandbox, ifName, source, args, netns, searchPath, netnsOverride } = request;
  const record = await deps.attachments.read(sandbox);
  const isMeant = (attachment: RecordedAttachment): boolean => attachment.ifName === ifName;
  const found = record?.attachments.find(isMeant);
  if (found?.primary === true) {
    throw new PlexusError("interface-conflict", `interface ${ifName} is the sandbox's default network`, {
      details: "it goes with the pod",
    });
  }
  if (record === undefined || found === undefined) {
    refuseItself(source);
    const context = { sandbox, netns, searchPath, netnsOverride };
    const asGiven = { add: undefined, result: undefined };
    await deps.conflists.del(planOneMore(source, args, ifName), asGiven, context, scope);
    return;
  }
  // From here on a crash concerns this interface only, also when it came with the pod.
  const attachments = record.attachments.map((attachment) =>
    isMeant(attachment) ? { ...attachment, hotPlugged: true } : attachment,
  );
  const cleanup = { which: isMeant, told: request, isPodGone: async () => false };
  throwAll(await deps.attachments.cleanUp({ ...record, attachments }, cleanup, scope));
}

async function check(deps: HotPlugDeps, { sandbox, ifName, netns }: HotPlugRequest, scope: Scope): Promise<void> {
  const record = await deps.attachments.read(sandbox);
  const found = record?.attachments.find((attachment) => attachment.ifName === ifName);
  if (record === undefined || found?.state !== "attached") {
    throw new PlexusError("unknown-container", `sandbox ${sandbox} has no interface ${ifName} that is on record`, {
      details: "ADD it",
    });
  }
  if (found.conflist.disableCheck || !isAtLeast(found.conflist.version, "0.4.0")) return;
  await deps.conflists.check(found, found.result, { ...invocationContextOf(record), netns }, scope);
}
