/** What the pod's owner is told beside the pod (spec §8.2). Words as Multus chose them: people search for them. */
import type { RecordedAttachment } from "./sandbox-record.ts";

export interface PodEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: "AddedInterface" | "NoNetworkFound" | "CleanupGivenUp";
  readonly message: string;
}

/** One event for all interfaces of an ADD; undefined when no plugin told of any. */
export function addedInterfaces(attachments: readonly RecordedAttachment[]): PodEvent | undefined {
  const added = attachments.flatMap(({ ifName, network, result }) => {
    const { interfaces = [], ips = [] } = result?.value ?? {};
    if (interfaces.length === 0 && ips.length === 0) return [];
    return [`Add ${ifName} [${ips.map(({ address }) => address).join(" ")}] from ${network}`];
  });
  if (added.length === 0) return undefined;
  return { type: "Normal", reason: "AddedInterface", message: added.join("; ") };
}
