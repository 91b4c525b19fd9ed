import { PlexusError } from "../domain/errors.ts";
import type { PluginTrace } from "../ports/plugin-trace.ts";

/** What every operation is given beside its request. */
export interface Scope {
  /** Raised when the deadline has passed or the caller went away. */
  readonly signal: AbortSignal;
  /** Told of each plugin run, as it ends. */
  readonly trace: (run: PluginTrace) => void;
  /** Told of what went wrong and was coped with. */
  readonly warn: (message: string) => void;
}

/** @throws PlexusError `try-again-later` when the deadline has passed or the caller went away */
export function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  const reason = signal.reason instanceof Error ? signal.reason.message : "the caller went away";
  throw new PlexusError("try-again-later", `the operation was given up: ${reason}`, { cause: signal.reason });
}
