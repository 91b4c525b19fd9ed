/** What to take away of a sandbox whose record was damaged: worked out anew, as upstream does without a record (spec T071). */
import type { CniArgs } from "../../domain/cni/args.ts";
import { FAILURES, PlexusError } from "../../domain/errors.ts";
import { type IfName, isNetnsPath, type NetnsPath, type SandboxId } from "../../domain/ids.ts";
import type { Origin } from "../../domain/origin.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Journal } from "../../ports/journal.ts";
import type { Pods } from "../../ports/pods.ts";
import { intended, recordFor } from "../attachments/recorded-plan.ts";
import type { Planner, PlanRequest, SandboxPlan } from "../planning/plan-sandbox.ts";
import type { Scope } from "../scope.ts";

export interface RebuildRequest {
  readonly sandbox: SandboxId;
  readonly ifName: IfName;
  /** CNI_NETNS; may be empty. */
  readonly netns: string;
  /** What the runtime says on DEL of how the sandbox was attached, the same as on ADD; undefined when it is not known any more. */
  readonly origin?: Origin | undefined;
}

export interface RebuildDeps {
  readonly planner: Planner;
  readonly pods: Pods;
  readonly journal: Journal;
  readonly clock: Clock;
  /** @throws PlexusError `not-available` while it is not known which pods there are */
  readonly refuseUnlessSynced: () => void;
}

/** A path for a namespace that is not known: something that never is one. */
const NO_NETNS = "/dev/null" as NetnsPath;

/**
 * Plans the ADD again, with the network config of the DEL and the pod as it is now, and puts that on record as intended: something of it may
 * exist. From there on it is a record like any other. A DEL of what never existed does no harm, so the plan may be too large. It is too small
 * if pod or networks were changed or deleted since: then something stays, the warnings say so, and the damaged file remains as evidence.
 * A pod that will never go would be worse.
 * @param others what the record has of other ADDs
 * @returns undefined when nothing at all can be worked out
 * @throws PlexusError for what will be known later, and `decode-failure` without an origin
 */
export function makeRebuild(
  deps: RebuildDeps,
): (
  request: RebuildRequest,
  others: readonly RecordedAttachment[],
  scope: Scope,
) => Promise<SandboxRecord | undefined> {
  return (request, others, scope) => rebuild(deps, request, others, scope);
}

async function rebuild(
  deps: RebuildDeps,
  { sandbox, ifName, netns, origin }: RebuildRequest,
  others: readonly RecordedAttachment[],
  scope: Scope,
): Promise<SandboxRecord | undefined> {
  if (origin === undefined) {
    throw new PlexusError("decode-failure", `the record of sandbox ${sandbox} was damaged and cannot be made anew`, {
      details: "have the runtime delete the sandbox, or remove the damaged record once nothing is left of it",
    });
  }
  const request = { ...origin, sandbox, ifName, netns: isNetnsPath(netns) ? netns : NO_NETNS };
  const plan = await planAnew(deps, request, others, scope);
  if (plan === undefined) return undefined;
  const { dialect, planned } = plan;
  const list = planned.map((plan) => `${plan.network} (${plan.ifName})`).join(", ");
  scope.warn(`the record of the sandbox was damaged; what it should have had is taken away: ${list}`);
  const now = deps.clock.now();
  const owner = { owner: ifName, confName: request.netConf.name, hotPlugged: false };
  // It may have worked, so its DEL is as strict as that of an attachment that did.
  const anew = planned.map((one) => ({ ...intended(owner, one, now), state: "detaching" as const }));
  const record = recordFor({ ...request, dialect }, now, [...others, ...anew]);
  await deps.journal.write(record).catch((thrown: unknown) => {
    scope.warn(`the new record could not be written, and the DEL goes on: ${PlexusError.from(thrown).message}`);
  });
  return record;
}

/**
 * With the pod's networks if they can be found, else with those that it has without asking, else with
 * none. Devices that are not known any more do not hold up the DEL: the plugins are told of none.
 */
async function planAnew(
  deps: RebuildDeps,
  request: Pick<PlanRequest, "sandbox" | "ifName" | "args" | "netConf">,
  others: readonly RecordedAttachment[],
  scope: Scope,
): Promise<SandboxPlan | undefined> {
  for (const pod of await likenesses(deps, request.args, scope)) {
    const plan = await deps.planner.sandbox(request, { pod, others }, scope.signal);
    const { withoutDevices } = plan;
    const refusals = plan.refusals.filter((refusal) => refusal !== withoutDevices);
    const later = refusals.find(isKnownLater);
    if (later !== undefined) throw later;
    for (const warning of plan.warnings) scope.warn(warning);
    for (const { message } of refusals) scope.warn(`${LEFT}: ${message}`);
    if (withoutDevices !== undefined) scope.warn(`plugins are told of no device: ${withoutDevices.message}`);
    if (refusals.length === 0) return plan;
  }
  return undefined;
}

const LEFT = "not all that the sandbox was attached to can be worked out, and some may be left";

/** What to take for the pod: itself, or a namesake, whose annotations are most likely the same; then a pod of its name that asks for nothing. */
async function likenesses(deps: RebuildDeps, { pod: key }: CniArgs, { signal, warn }: Scope) {
  if (key === undefined) return [undefined];
  deps.refuseUnlessSynced();
  const bare = { ...key, uid: "", annotations: {} };
  const pod = await deps.pods.get(key, signal);
  if (pod !== undefined) return [pod, bare];
  warn(`pod ${key.namespace}/${key.name} is not known any more: networks that it asked for may be left`);
  return [bare];
}

/** An API server that does not answer yet, a disk that does not read: the runtime asks again. */
function isKnownLater({ kind }: PlexusError): boolean {
  return FAILURES[kind].retry && kind !== "network-not-found";
}
