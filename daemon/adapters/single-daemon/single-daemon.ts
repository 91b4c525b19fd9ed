import { createHash } from "node:crypto";
import { createServer, type Server } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { PlexusError } from "../../domain/errors.ts";

const RETRY_MS = 50;

export interface OnlyDaemon {
  /** Lets the next one begin. */
  release(): Promise<void>;
}

/**
 * Resolves when no other daemon works on the same state: two of them would not know of each other's operations. One that is on its way out is
 * waited for. The kernel lets go of the lock with the process, however that ends: it is a socket with a name but no file. Such names belong to a
 * network namespace, and daemons of one node share the node's.
 * @throws PlexusError `try-again-later` when the other one is still there after so many milliseconds
 */
export async function becomeOnlyDaemon(stateDir: string, waitMs: number): Promise<OnlyDaemon> {
  const name = `\0plexus-${createHash("sha256").update(stateDir).digest("hex").slice(0, 32)}`;
  const giveUp = performance.now() + waitMs;
  for (;;) {
    const server = await listen(name);
    if (server !== undefined) return { release: () => close(server) };
    if (performance.now() > giveUp) {
      throw new PlexusError("try-again-later", `another plexus-daemon works with ${stateDir}`, {
        details: "it was waited for and has not ended; stop it first",
      });
    }
    await wait(RETRY_MS);
  }
}

/** Undefined when somebody else has the name. */
function listen(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy());
    server.once("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code === "EADDRINUSE") resolve(undefined);
      else
        reject(
          new PlexusError("io-failure", `cannot take the lock of the state directory: ${cause.message}`, { cause }),
        );
    });
    server.listen(name, () => {
      resolve(server);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
