/** What the pod's owner is told beside the pod (spec §8.2). Words as Multus chose them: people search for them. */
import { parseConflist } from "./cni/conf.ts";
import { parseResult } from "./cni/result.ts";
import type { SandboxRecord } from "./sandbox-record.ts";

export interface PodEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: "AddedInterface" | "NoNetworkFound";
  readonly message: string;
}

/** One event for all interfaces of an ADD; undefined when no plugin told of any. */
export function addedInterfaces(record: SandboxRecord): PodEvent | undefined {
  const added = record.attachments.flatMap(({ ifName, network, conflist, result }) => {
    if (result === undefined) return [];
    const { version } = parseConflist(conflist, `the recorded config of network "${network}"`);
    const { interfaces, ips } = parseResult(result, version).result;
    if (interfaces.length === 0 && ips.length === 0) return [];
    return [`Add ${ifName} [${ips.map(({ address }) => address).join(" ")}] from ${network}`];
  });
  if (added.length === 0) return undefined;
  return { type: "Normal", reason: "AddedInterface", message: added.join("; ") };
}
