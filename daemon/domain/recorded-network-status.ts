import { parseConflist } from "./cni/conf.ts";
import { parseResult } from "./cni/result.ts";
import { renderNetworkStatus, statusOf } from "./network-status.ts";
import { withRoutedResults } from "./routed-results.ts";
import type { SandboxRecord } from "./sandbox-record.ts";

/** The value of the network-status annotation for what a record says is attached, in the order it was made (spec §3.5). */
export function recordedNetworkStatus(record: SandboxRecord): string {
  const entries = withRoutedResults(record.attachments).flatMap(({ network, primary, conflist, result }) => {
    if (result === undefined) return [];
    const { version } = parseConflist(conflist, `the recorded config of network "${network}"`);
    return statusOf({ network, primary, result: parseResult(result, version).result });
  });
  return renderNetworkStatus(entries);
}
