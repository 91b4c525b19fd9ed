import { PlexusError } from "../../daemon/domain/errors.ts";
import type { SandboxId } from "../../daemon/domain/ids.ts";
import type { StatusBoard } from "../../daemon/ports/status-board.ts";

export interface MemoryStatusBoard extends StatusBoard {
  shown(sandbox: SandboxId): string | undefined;
}

export function memoryStatusBoard(): MemoryStatusBoard {
  const statuses = new Map<SandboxId, string>();
  return {
    publish: async ({ sandbox }, status, signal) => {
      if (signal.aborted) throw new PlexusError("try-again-later", "showing the status was given up");
      statuses.set(sandbox, status);
    },
    withdraw: async (sandbox) => {
      statuses.delete(sandbox);
    },
    shown: (sandbox) => statuses.get(sandbox),
  };
}
