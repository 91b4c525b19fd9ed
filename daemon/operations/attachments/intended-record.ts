/** What a plan becomes on record: before its plugins run, and once they have succeeded. */
import type { CniArgs } from "../../domain/cni/args.ts";
import type { Dialect } from "../../domain/dialect/dialect.ts";
import type { IfName, NetnsPath, SandboxId } from "../../domain/ids.ts";
import type { JsonText } from "../../domain/json/json-object.ts";
import type { NetConf } from "../../domain/netconf.ts";
import type { PlannedAttachment } from "../../domain/plan.ts";
import type { RecordedAttachment, RecordedPod, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Clock } from "../../ports/clock.ts";

/** The ADD that a record is for. */
export interface RecordedRequest {
  readonly sandbox: SandboxId;
  readonly netns: NetnsPath;
  /** CNI_IFNAME. */
  readonly ifName: IfName;
  readonly args: CniArgs;
  readonly searchPath: readonly string[];
  readonly netnsOverride: string;
  readonly netConf: NetConf;
  readonly dialect: Dialect;
}

/** The record of a sandbox whose plan is about to run. @param others what other ADDs made for the sandbox */
export function intendedRecord(
  clock: Pick<Clock, "now">,
  request: RecordedRequest,
  planned: readonly PlannedAttachment[],
  others: readonly RecordedAttachment[],
): SandboxRecord {
  const createdAt = clock.now();
  return {
    sandbox: request.sandbox,
    ...(request.dialect.name === "tke" && { dialect: "tke" }),
    pod: recordedPod(request.args),
    netns: request.netns,
    searchPath: request.searchPath,
    netnsOverride: request.netnsOverride,
    createdAt,
    attachments: [...others, ...planned.map((plan) => recordedAttachment(request, plan, createdAt))],
  };
}

/** @param attached what the plugins answered; absent while they have not */
export function recordedAttachment(
  request: Pick<RecordedRequest, "ifName" | "netConf">,
  plan: PlannedAttachment,
  since: number,
  attached?: { readonly result: JsonText; readonly info: JsonText | undefined },
): RecordedAttachment {
  const { device } = plan;
  return {
    owner: request.ifName,
    confName: request.netConf.name,
    ifName: plan.ifName,
    network: plan.network,
    primary: plan.primary,
    state: attached === undefined ? "intended" : "attached",
    conflist: plan.conflist.text,
    capabilityArgs: plan.capabilityArgs.toString(),
    cniArgs: plan.cniArgs,
    since,
    ...(plan.defaultRoute !== undefined && { defaultRoute: plan.defaultRoute }),
    ...(device !== undefined && { device: { ...device, info: attached?.info } }),
    ...(attached !== undefined && { result: attached.result }),
  };
}

/** The pod as the container runtime named it; undefined when CNI_ARGS names none. */
export function recordedPod({ pod, podUid }: CniArgs): RecordedPod | undefined {
  return pod === undefined ? undefined : { namespace: pod.namespace, name: pod.name, uid: podUid };
}
