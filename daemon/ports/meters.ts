/** What is measured while it happens, for whoever watches the node. No method throws, and none makes anybody wait. */
import type { CniVerb } from "../domain/cni/verb.ts";
import type { PluginTrace } from "./plugin-trace.ts";
import type { FailureKind } from "../domain/errors.ts";

/** What runs as one operation: what the runtime asks for, and what somebody asks for one network of a running pod. */
export type OperationName = CniVerb | `DELEGATE_${CniVerb}`;

export interface OperationEnding {
  /** Undefined for one that succeeded. */
  readonly failure?: { readonly kind: FailureKind; readonly code: number } | undefined;
  /** Milliseconds, waiting included. */
  readonly ms: number;
  /** The plugin runs it was made of. */
  readonly runs: readonly PluginTrace[];
}

export interface Meters {
  /** An operation begins. To be called, once, with how it ended. */
  begins(operation: OperationName): (ending: OperationEnding) => void;
  /** A plugin ran for what was left unfinished, which is nobody's operation. */
  ranBesides(run: PluginTrace): void;
  /** A request was answered, by whatever door it came in. `handler` is its path. */
  answered(handler: string, method: string, code: number): void;
  /** A change of a record on disk took so long, syncs included. */
  wroteRecord(ms: number, ok: boolean): void;
  launcherRestarted(): void;
  /** The daemon gave a cleanup up: something may be left on the node. */
  gaveUpCleanup(): void;
}

/** For a daemon that nobody watches. */
export const NO_METERS: Meters = {
  begins: () => () => undefined,
  ranBesides: () => undefined,
  answered: () => undefined,
  wroteRecord: () => undefined,
  launcherRestarted: () => undefined,
  gaveUpCleanup: () => undefined,
};
