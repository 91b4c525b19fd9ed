/** What the pod's owner is told beside the pod (spec §8.2). Words as Multus chose them: people search for them. */
import { recordedResult } from "./recorded-attachment.ts";
import type { SandboxRecord } from "./sandbox-record.ts";

export interface PodEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: "AddedInterface" | "NoNetworkFound";
  readonly message: string;
}

/** One event for all interfaces of an ADD; undefined when no plugin told of any. */
export function addedInterfaces(record: SandboxRecord): PodEvent | undefined {
  const added = record.attachments.flatMap((attachment) => {
    const { ifName, network } = attachment;
    const { interfaces = [], ips = [] } = recordedResult(attachment) ?? {};
    if (interfaces.length === 0 && ips.length === 0) return [];
    return [`Add ${ifName} [${ips.map(({ address }) => address).join(" ")}] from ${network}`];
  });
  if (added.length === 0) return undefined;
  return { type: "Normal", reason: "AddedInterface", message: added.join("; ") };
}
