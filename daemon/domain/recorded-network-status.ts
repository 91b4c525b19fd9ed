import { renderNetworkStatus, statusOf } from "./network-status.ts";
import { recordedResult } from "./recorded-attachment.ts";
import { withRoutedResults } from "./routed-results.ts";
import type { SandboxRecord } from "./sandbox-record.ts";

/** The value of the network-status annotation for what a record says is attached, in the order it was made (spec §3.5). */
export function recordedNetworkStatus(record: SandboxRecord): string {
  const entries = withRoutedResults(record.attachments).flatMap((attachment) => {
    const { network, primary } = attachment;
    const result = recordedResult(attachment);
    return result === undefined ? [] : statusOf({ network, primary, result });
  });
  return renderNetworkStatus(entries);
}
