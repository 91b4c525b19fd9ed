/**
 * What the journal knows of one sandbox: everything that DEL needs, so that it asks neither the pod
 * nor the API server. Written before the first plugin runs, kept until cleanup has ended.
 */
import type { Conflist } from "./cni/conf.ts";
import { type CniResult, parseResult } from "./cni/result.ts";
import type { CniVersion } from "./cni/version.ts";
import type { BootId, IfName, NetnsIdentity, NetnsPath, NetworkName, SandboxId } from "./ids.ts";
import type { JsonObject, JsonText } from "./json/json-object.ts";

/** The pod as the container runtime named it; absent when CNI_ARGS named none. */
export interface RecordedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export type AttachmentState =
  /** On record before any plugin runs: something of it may exist. */
  | "intended"
  /** All plugins succeeded; `result` is the last one's. */
  | "attached"
  /** A DEL has begun and not ended: some of it may be gone. */
  | "detaching"
  /** The container runtime was told that it is gone. The daemon retries what is left of its cleanup. */
  | "released";

/** The device of one attachment (spec §6). */
export interface RecordedDevice {
  /** The resource it is allocated as; empty for one that the pod's annotation or the runtime named. */
  readonly resource: string;
  readonly id: string;
  /** What its device plugin or its CNI plugin says of it, as JSON, for the network status. */
  readonly info?: JsonText | undefined;
}

/** What the last plugin printed, in the conflist's cniVersion. */
export interface RecordedResult {
  /** As it was printed: other people's keys and numbers survive. */
  readonly text: JsonText;
  readonly value: CniResult;
}

/** How one plugin's ADD went. */
export interface PluginAdd {
  readonly type: string;
  /** `not-started`: the plugin has made nothing, so a DEL that it fails is none. */
  readonly outcome: "answered" | "failed" | "not-started";
  /** The CNI error code of one that failed. */
  readonly code?: number | undefined;
  /** Milliseconds, waiting for a free slot included. */
  readonly ms: number;
}

/** How far an attachment's ADD got. */
export interface RecordedAdd {
  /** Milliseconds since the epoch. */
  readonly beganAt: number;
  readonly endedAt: number;
  /** One for each plugin of the conflist, in its order. */
  readonly plugins: readonly PluginAdd[];
}

/** The history of a cleanup that has failed so far. Times are milliseconds since the epoch. */
export interface CleanupHistory {
  readonly since: number;
  readonly attempts: number;
  readonly lastError: string;
  readonly nextAttemptAt: number;
}

/** One network on one sandbox as one interface. */
export interface RecordedAttachment {
  /** The CNI_IFNAME of its ADD: one sandbox may have several ADDs, each with its own DEL. */
  readonly owner: IfName;
  /** The name of the runtime's network config: a GC speaks for one such config only. */
  readonly confName: NetworkName;
  readonly ifName: IfName;
  /** `<namespace>/<name>` of the NAD, or the conf's own name. */
  readonly network: string;
  /** The pod's default network: the one whose result the runtime saw. */
  readonly primary: boolean;
  readonly state: AttachmentState;
  /** The conflist as it was run, every key of it. */
  readonly conflist: Conflist;
  /** The capability args of the ADD: some plugins clean up only what they are told again. */
  readonly capabilityArgs: JsonObject;
  /** CNI_ARGS for its plugins. */
  readonly cniArgs: string;
  /** When its ADD was, in milliseconds since the epoch; the record's own time where it is not known. */
  readonly since: number;
  /** The gateways that were to become the sandbox's default ones (route-plan.ts); absent when none was asked for. */
  readonly defaultRoute?: readonly string[] | undefined;
  /** The device that its plugins were told of; absent when there was none. */
  readonly device?: RecordedDevice | undefined;
  /**
   * Hot-plugging added or removes it while its owner's other attachments stand, so an interrupted
   * change of it concerns nothing else. It still goes with its owner.
   */
  readonly hotPlugged?: boolean | undefined;
  /** Absent while its ADD runs. A crash leaves it absent: then any of its plugins may have run. */
  readonly add?: RecordedAdd | undefined;
  /** Absent until attached. */
  readonly result?: RecordedResult | undefined;
  /** Absent while no cleanup has failed. */
  readonly cleanup?: CleanupHistory | undefined;
}

export interface SandboxRecord {
  readonly sandbox: SandboxId;
  /** The name of the dialect whose rules its pod follows (domain/dialect). */
  readonly dialect: string;
  readonly pod?: RecordedPod | undefined;
  readonly netns: NetnsPath;
  /** The namespace that was behind that path at ADD; absent for one that Multus attached. */
  readonly netnsIdentity?: NetnsIdentity | undefined;
  /** The boot of the node in which the namespace was made: a namespace does not survive a reboot. */
  readonly bootId?: BootId | undefined;
  /** The directories that plugins were looked for in, in order. */
  readonly searchPath: readonly string[];
  /** CNI_NETNS_OVERRIDE as the runtime gave it; may be empty. */
  readonly netnsOverride: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** In the order in which they are made. */
  readonly attachments: readonly RecordedAttachment[];
}

/** @throws PlexusError `decode-failure`, `incompatible-version` */
export function recordedResult(text: JsonText, version: CniVersion): RecordedResult {
  return { text, value: parseResult(text, version).result };
}

/** What an interrupted ADD or DEL leaves: all of its owner, or the one hot-plugged attachment. */
export function isUnfinished(attachments: readonly RecordedAttachment[]): (attachment: RecordedAttachment) => boolean {
  const halfWay = attachments.filter(({ state }) => state !== "attached");
  const interrupted = halfWay.filter(({ state, hotPlugged }) => state !== "released" && hotPlugged !== true);
  const owners = new Set(interrupted.map(({ owner }) => owner));
  return (attachment) => owners.has(attachment.owner) || halfWay.includes(attachment);
}
