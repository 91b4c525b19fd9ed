import { PlexusError } from "../../daemon/domain/errors.ts";
import type { SandboxId } from "../../daemon/domain/ids.ts";
import type { StatusBoard } from "../../daemon/ports/status-board.ts";

export interface MemoryStatusBoard extends StatusBoard {
  shown(sandbox: SandboxId): string | undefined;
  /** The annotation that shows it. */
  annotationOf(sandbox: SandboxId): string | undefined;
  /** From now on publishing is refused with this. */
  refuse(error: PlexusError): void;
}

export function memoryStatusBoard(): MemoryStatusBoard {
  const statuses = new Map<SandboxId, { readonly annotation: string; readonly status: string }>();
  let refusal: PlexusError | undefined;
  return {
    publish: async ({ sandbox, annotation }, status, signal) => {
      if (signal.aborted) throw new PlexusError("try-again-later", "showing the status was given up");
      if (refusal !== undefined) throw refusal;
      statuses.set(sandbox, { annotation, status });
    },
    withdraw: async (sandbox) => {
      statuses.delete(sandbox);
    },
    shown: (sandbox) => statuses.get(sandbox)?.status,
    annotationOf: (sandbox) => statuses.get(sandbox)?.annotation,
    refuse: (error) => {
      refusal = error;
    },
  };
}
