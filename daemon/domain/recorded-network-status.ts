import type { Dialect } from "./dialect/dialect.ts";
import { recordedDialect } from "./dialect/dialects.ts";
import { renderNetworkStatus } from "./network-status.ts";
import { withRoutedResults } from "./routed-results.ts";
import type { SandboxRecord } from "./sandbox-record.ts";

/** The value of the annotation for the network status of what a record says is attached, in the order it was made (spec §3.5). */
export function recordedNetworkStatus(record: SandboxRecord, { status }: Dialect = recordedDialect(record)): string {
  const entries = withRoutedResults(record.attachments).flatMap((attachment, index) => {
    const { network, ifName, primary, device, state, result } = attachment;
    if (result === undefined || state === "released") return [];
    return status.entriesOf({ network, ifName, primary, index, result: result.value, deviceInfo: device?.info });
  });
  return renderNetworkStatus(entries);
}
