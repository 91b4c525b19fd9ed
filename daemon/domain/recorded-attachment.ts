import { type Conflist, parseConflist } from "./cni/conf.ts";
import { type CniResult, parseResult } from "./cni/result.ts";
import type { RecordedAttachment } from "./sandbox-record.ts";

/** The conflist as it was run. */
export function recordedConflist({ network, conflist }: RecordedAttachment): Conflist {
  return parseConflist(conflist, `the recorded config of network "${network}"`);
}

/** What ADD ended with; undefined while it has not. */
export function recordedResult(attachment: RecordedAttachment): CniResult | undefined {
  const { result } = attachment;
  return result === undefined ? undefined : parseResult(result, recordedConflist(attachment).version).result;
}
