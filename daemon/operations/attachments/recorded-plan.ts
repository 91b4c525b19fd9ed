/** What a plan becomes on record: before its plugins run, and once they have succeeded. */
import type { CniArgs } from "../../domain/cni/args.ts";
import type { Dialect } from "../../domain/dialect/dialect.ts";
import type { BootId, IfName, NetnsIdentity, NetnsPath, NetworkName, SandboxId } from "../../domain/ids.ts";
import type { JsonText } from "../../domain/json/json-object.ts";
import type { PlannedAttachment } from "../../domain/plan.ts";
import type {
  RecordedAdd,
  RecordedAttachment,
  RecordedPod,
  RecordedResult,
  SandboxRecord,
} from "../../domain/sandbox-record.ts";

/** What a call says of the sandbox that it attaches. */
export interface SandboxFacts {
  readonly sandbox: SandboxId;
  readonly netns: NetnsPath;
  readonly netnsIdentity?: NetnsIdentity | undefined;
  readonly bootId?: BootId | undefined;
  readonly args: CniArgs;
  readonly searchPath: readonly string[];
  readonly netnsOverride: string;
  readonly dialect: Dialect;
}

/** The record of a sandbox. @param attachments what other ADDs made for it */
export function recordFor(
  facts: SandboxFacts,
  createdAt: number,
  attachments: readonly RecordedAttachment[],
): SandboxRecord {
  const { sandbox, netns, netnsIdentity, bootId, searchPath, netnsOverride } = facts;
  return {
    sandbox,
    dialect: facts.dialect.name,
    pod: recordedPod(facts.args),
    netns,
    netnsIdentity,
    bootId,
    searchPath,
    netnsOverride,
    createdAt,
    attachments,
  };
}

/** Whose ADD makes the attachments. */
export interface Owner {
  /** CNI_IFNAME of the sandbox's ADD. */
  readonly owner: IfName;
  /** The name of the container runtime's network config. */
  readonly confName: NetworkName;
  readonly hotPlugged: boolean;
}

/** An attachment whose plugins have not run. @param since milliseconds since the epoch */
export function intended(
  { owner, confName, hotPlugged }: Owner,
  plan: PlannedAttachment,
  since: number,
): RecordedAttachment {
  const { ifName, network, primary, conflist, capabilityArgs, cniArgs, defaultRoute, device } = plan;
  return {
    owner,
    confName,
    ifName,
    network,
    primary,
    state: "intended",
    conflist,
    capabilityArgs,
    cniArgs,
    since,
    ...(hotPlugged && { hotPlugged }),
    ...(defaultRoute !== undefined && { defaultRoute }),
    ...(device !== undefined && { device }),
  };
}

/** The same attachment once all of its plugins have succeeded. */
export function attached(
  intent: RecordedAttachment,
  made: { readonly result: RecordedResult; readonly info: JsonText | undefined; readonly add: RecordedAdd },
): RecordedAttachment {
  const { device } = intent;
  return {
    ...intent,
    state: "attached",
    ...(device !== undefined && { device: { ...device, info: made.info } }),
    add: made.add,
    result: made.result,
  };
}

/** The pod as the container runtime named it; undefined when CNI_ARGS names none. */
export function recordedPod({ pod, podUid }: CniArgs): RecordedPod | undefined {
  return pod === undefined ? undefined : { namespace: pod.namespace, name: pod.name, uid: podUid };
}
