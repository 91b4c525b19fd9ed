import type { CniArgs } from "../../domain/cni/args.ts";
import { convertResult } from "../../domain/cni/convert.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { IfName, NetnsPath, SandboxId } from "../../domain/ids.ts";
import type { JsonText } from "../../domain/json/json-object.ts";
import type { NetConf } from "../../domain/netconf.ts";
import type { PlannedAttachment } from "../../domain/plan.ts";
import { addedInterfaces } from "../../domain/pod-event.ts";
import type { Pod } from "../../domain/pod.ts";
import { recordedNetworkStatus } from "../../domain/recorded-network-status.ts";
import type { RecordedAttachment } from "../../domain/sandbox-record.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Events } from "../../ports/events.ts";
import type { Pods } from "../../ports/pods.ts";
import { named } from "../attachments/attach.ts";
import type { Attachments } from "../attachments/attachments.ts";
import { podPrefix } from "../attachments/pod-prefix.ts";
import { recordedPod, recordFor } from "../attachments/recorded-plan.ts";
import { findPod } from "../planning/find-pod.ts";
import type { Planner, SandboxPlan } from "../planning/plan-sandbox.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import type { Scope } from "../scope.ts";
import type { AwaitDefaultNetwork } from "./await-default-network.ts";

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

export interface AddDeps {
  readonly queue: SandboxQueue;
  readonly pods: Pods;
  readonly planner: Planner;
  readonly attachments: Attachments;
  readonly events: Events;
  readonly clock: Pick<Clock, "now">;
  /** Waits until the default network says that it is ready. */
  readonly awaitDefaultNetwork: AwaitDefaultNetwork;
  /** Does the DEL that waits in the spool for the same sandbox and interface: the runtime asked for it before this ADD. */
  readonly settle: (request: AddRequest, scope: Scope) => Promise<void>;
}

/**
 * Attaches a sandbox to its networks, all or none. Resolves with the default network's result, in the
 * version that the container runtime asks for.
 */
export function makeAdd(deps: AddDeps): (request: AddRequest, scope: Scope) => Promise<JsonText> {
  return (request, scope) =>
    deps.queue.run(request.sandbox, "in-turn", scope.signal, async () => {
      const { netConf, sandbox } = request;
      const { pod, plan, others, facts } = await named(podPrefix(recordedPod(request.args)), async () => {
        // @promise spooled-del-before-add
        await deps.settle(request, scope);
        return prepare(deps, request, scope);
      });
      const { dialect, planned, routeGoals } = plan;
      const attached = await deps.attachments.attach(
        {
          record: recordFor({ ...request, ...facts, dialect }, deps.clock.now(), others),
          owner: { owner: request.ifName, confName: netConf.name, hotPlugged: false },
          planned,
          routeGoals,
          check: (made) => void primaryResult(planned, made, netConf),
          show: (record) => {
            const status = recordedNetworkStatus(record, dialect);
            return deps.attachments.show({ rules: dialect.status, sandbox, pod, status }, scope);
          },
        },
        scope,
      );
      tellOfInterfaces(deps.events, pod, attached);
      return primaryResult(planned, attached, netConf);
    });
}

/** Everything that can be refused before a plugin runs. */
async function prepare(deps: AddDeps, request: AddRequest, scope: Scope) {
  await deps.awaitDefaultNetwork(request.netConf, scope.signal, "try-again-later");
  const pod = await findPod(deps.pods, request.args, scope.signal);
  const record = await deps.attachments.read(request.sandbox);
  const isOurs = ({ owner }: RecordedAttachment): boolean => owner === request.ifName;
  const others = record?.attachments.filter((attachment) => !isOurs(attachment)) ?? [];
  const plan = await deps.planner.sandbox(request, { pod, others }, scope.signal);
  for (const warning of plan.warnings) scope.warn(warning);
  refuse(deps.events, pod, plan);
  refuseFinished(request, record?.attachments.filter(isOurs) ?? []);
  if (record !== undefined) await deps.attachments.removeLeftovers(record, isOurs, scope);
  // @promise look-before-plugins
  const facts = await deps.attachments.refuseTaken(request, plan.planned, scope.signal);
  return { pod, plan, others, facts };
}

function refuse(events: Events, pod: Pod | undefined, { refusals }: SandboxPlan): void {
  const [first] = refusals;
  if (first === undefined) return;
  const missing = refusals.find(({ kind }) => kind === "network-not-found");
  if (pod !== undefined && missing !== undefined) {
    events.report(pod, { type: "Warning", reason: "NoNetworkFound", message: missing.message });
  }
  throw first;
}

/** The container runtime must not repeat an ADD that succeeded (CNI spec, section 4). */
function refuseFinished({ sandbox, ifName }: AddRequest, ours: readonly RecordedAttachment[]): void {
  const cameTogether = ours.filter(({ hotPlugged }) => hotPlugged !== true);
  if (cameTogether.length === 0 || cameTogether.some(({ state }) => state !== "attached")) return;
  throw new PlexusError("interface-conflict", `sandbox ${sandbox} is already attached as ${ifName}`, {
    details: "DEL it first",
  });
}

function tellOfInterfaces(events: Events, pod: Pod | undefined, attached: readonly RecordedAttachment[]): void {
  const event = addedInterfaces(attached);
  if (pod !== undefined && event !== undefined) events.report(pod, event);
}

/** Only the default network's result reaches the container runtime (spec §1.2). */
function primaryResult(
  planned: readonly PlannedAttachment[],
  attached: readonly RecordedAttachment[],
  netConf: NetConf,
): JsonText {
  const index = planned.findIndex(({ primary }) => primary);
  const [plan, result] = [planned[index], attached[index]?.result];
  if (plan === undefined || result === undefined) throw new PlexusError("internal", "the plan has no default network");
  return convertResult(result.text, plan.conflist.version, netConf.version);
}
