/**
 * What the journal knows of one sandbox: everything that DEL needs, so that it asks neither the pod nor the API server.
 * Written before the first plugin runs, kept until the last one has confirmed.
 */
import type { IfName, NetnsPath, NetworkName, SandboxId } from "./ids.ts";
import type { JsonText } from "./json/json-object.ts";

/** The pod as the runtime named it; absent when CNI_ARGS named none. */
export interface RecordedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export type AttachmentState =
  /** On record before anything ran: something of it may exist. */
  | "intended"
  /** All plugins succeeded; `result` is the last one's. */
  | "attached"
  /** A DEL has begun and not ended: some of it may be gone. */
  | "detaching";

/** The device of one attachment (spec §6). */
export interface RecordedDevice {
  /** What it was set apart as; empty for one that the pod's annotation or the runtime named. */
  readonly resource: string;
  readonly id: string;
  /** What its device plugin or its CNI plugin told of it, as JSON, for the network status; absent when nobody did. */
  readonly info?: JsonText | undefined;
}

/** One network on one sandbox as one interface. */
export interface RecordedAttachment {
  /** The CNI_IFNAME of the ADD that made it: one sandbox may be given several ADDs, each with its own DEL. */
  readonly owner: IfName;
  /** The name of the runtime's network config that asked for it: a GC speaks for one such config only. */
  readonly confName: NetworkName;
  readonly ifName: IfName;
  /** `<namespace>/<name>` of the NAD, or the conf's own name. */
  readonly network: string;
  /** The pod's default network: the one whose result the runtime saw. */
  readonly primary: boolean;
  readonly state: AttachmentState;
  /** The conflist as it was run, every key of it. */
  readonly conflist: JsonText;
  /** The capability args as they were given on ADD: some plugins clean up only what they are told again. */
  readonly capabilityArgs: JsonText;
  /** CNI_ARGS for its plugins. */
  readonly cniArgs: string;
  /** When its ADD was, in milliseconds since the epoch; absent when that is not known to differ from the record's own time. */
  readonly since?: number | undefined;
  /** The gateways that were to become the sandbox's default ones, by way of this interface (route-plan.ts); absent when none was asked for. */
  readonly defaultRoute?: readonly string[] | undefined;
  /** The device that its plugins were told of; absent when there was none. */
  readonly device?: RecordedDevice | undefined;
  /**
   * It comes or goes by itself, while its owner's others stand: an interrupted change of it concerns nothing else. It still goes with its
   * owner. Absent for what came with its owner and has stood since.
   */
  readonly hotPlugged?: boolean | undefined;
  /** The final CNI result, in the conflist's cniVersion, as the plugins said it; absent until attached. */
  readonly result?: JsonText | undefined;
}

export interface SandboxRecord {
  readonly sandbox: SandboxId;
  /** Whose rules its pod follows (domain/dialect); absent for the NPWG's. */
  readonly dialect?: "tke" | undefined;
  readonly pod?: RecordedPod | undefined;
  readonly netns: NetnsPath;
  /** The directories that plugins were looked for in, in order. */
  readonly searchPath: readonly string[];
  /** CNI_NETNS_OVERRIDE as the runtime gave it; may be empty. */
  readonly netnsOverride: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** In the order in which they are made. */
  readonly attachments: readonly RecordedAttachment[];
}

/** What must go because an ADD or DEL was interrupted: all that its owner has, or the one that was to come or go hotPlugged. */
export function isUnfinished(attachments: readonly RecordedAttachment[]): (attachment: RecordedAttachment) => boolean {
  const halfWay = attachments.filter(({ state }) => state !== "attached");
  const owners = new Set(halfWay.filter(({ hotPlugged }) => hotPlugged !== true).map(({ owner }) => owner));
  return (attachment) => owners.has(attachment.owner) || halfWay.includes(attachment);
}

/** When an attachment was asked for: one sandbox may be given several ADDs, at different times. */
export function attachedSince(record: SandboxRecord, { since }: RecordedAttachment): number {
  return since ?? record.createdAt;
}
