import type { StatusRules } from "../../domain/dialect/dialect.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { SandboxId } from "../../domain/ids.ts";
import type { Pod } from "../../domain/pod.ts";
import type { StatusBoard } from "../../ports/status-board.ts";
import { type Scope, throwIfAborted } from "../scope.ts";

export interface ShownStatus {
  readonly rules: StatusRules;
  readonly sandbox: SandboxId;
  readonly pod: Pod | undefined;
  /** The value of the annotation. */
  readonly status: string;
}

/** Writes the network status by the rules of the pod's dialect, and fails only where they want that. */
export async function showStatus(
  { statusBoard }: { readonly statusBoard: StatusBoard },
  { rules: { annotation, writing }, sandbox, pod, status }: ShownStatus,
  { signal, warn }: Pick<Scope, "signal" | "warn">,
): Promise<void> {
  if (writing === "none") return;
  try {
    await statusBoard.publish({ sandbox, pod, podUid: pod?.uid ?? "", annotation }, status, signal);
  } catch (thrown) {
    if (writing === "required") throw thrown;
    throwIfAborted(signal);
    warn(`attached, but writing network-status failed: ${PlexusError.from(thrown).message}`);
  }
}
