import type { CniVerb } from "../domain/cni/verb.ts";
import { PlexusError } from "../domain/errors.ts";
import type { IfName } from "../domain/ids.ts";

/** One plugin run, as the log and the metrics tell it. */
export interface PluginTrace {
  readonly verb: CniVerb;
  readonly network: string;
  readonly ifName: IfName | "";
  readonly plugin: string;
  readonly ok: boolean;
  /** Milliseconds, waiting for a free slot included. */
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly maxRssKib: number;
}

/** What every operation is given beside its request. */
export interface Scope {
  /** Raised when the deadline has passed or nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Told of each plugin run, as it ends. */
  readonly trace: (run: PluginTrace) => void;
  /** Told of what went wrong and was coped with. */
  readonly warn: (message: string) => void;
}

/** @throws PlexusError `try-again-later` when nobody waits for the operation any more */
export function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  const reason = signal.reason instanceof Error ? signal.reason.message : "nobody waits for it any more";
  throw new PlexusError("try-again-later", `the operation was given up: ${reason}`, { cause: signal.reason });
}
