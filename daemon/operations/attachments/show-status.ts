import type { StatusRules } from "../../domain/dialect/dialect.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { Pod } from "../../domain/pod.ts";
import type { SandboxId } from "../../domain/ids.ts";
import type { StatusBoard } from "../../ports/status-board.ts";
import { throwIfAborted, type Scope } from "../scope.ts";

export interface ShowStatusDeps {
  readonly statusBoard: StatusBoard;
}

/** Shows the network status of a sandbox as its pod's rules have it, and fails only where they want that. */
export async function showStatus(
  { statusBoard }: ShowStatusDeps,
  { annotation, writing }: StatusRules,
  { sandbox, pod, status }: { readonly sandbox: SandboxId; readonly pod: Pod | undefined; readonly status: string },
  { signal, warn }: Pick<Scope, "signal" | "warn">,
): Promise<void> {
  if (writing === "none") return;
  try {
    await statusBoard.publish({ sandbox, pod, podUid: pod?.uid ?? "", annotation }, status, signal);
  } catch (thrown) {
    if (writing === "required") throw thrown;
    throwIfAborted(signal);
    warn(`the networks are attached, and not shown: ${PlexusError.from(thrown).message}`);
  }
}
