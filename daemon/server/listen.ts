import { once } from "node:events";
import type { Server } from "node:http";
import type { Logger } from "pino";
import { putSocket } from "./socket-file.ts";

export interface Listening {
  /** Lets requests under way finish for as long as the signal is not raised, then cuts them off. */
  stop(hurry: AbortSignal): Promise<void>;
}

export interface TcpAddress {
  readonly port: number;
  /** Undefined for every address of the node. */
  readonly host: string | undefined;
}

/**
 * Listens there, or as soon as that is possible. A port that somebody else has is no reason not to attach pods: it is told, and tried again.
 * @param what how messages call it
 */
export async function listenOnPort(
  server: Server,
  what: string,
  { port, host }: TcpAddress,
  log: Logger,
  tryAgainMs = 5_000,
): Promise<Listening> {
  let timer: NodeJS.Timeout | undefined;
  const attempt = (): void => void server.listen({ port, ...(host !== undefined && { host }) });
  server.on("error", (error) => {
    // A connection that could not be accepted is its peer's trouble.
    if (server.listening) return;
    log.error(
      { what, port, host, problem: error.message },
      "cannot listen; free the port, or set another. Trying again",
    );
    timer = setTimeout(attempt, tryAgainMs);
  });
  server.on("listening", () => log.info({ what, port, host }, "listening"));
  attempt();
  await once(server, "listening").catch(() => undefined);
  return {
    async stop(hurry) {
      clearTimeout(timer);
      await close(server, hurry);
    },
  };
}

/**
 * Listens on a unix socket that root alone can reach.
 * @throws PlexusError `io-failure`
 */
export async function listenOnSocket(server: Server, path: string): Promise<Listening> {
  const socket = await putSocket(path, async (temporary) => {
    server.listen(temporary);
    await once(server, "listening");
    server.on("error", () => undefined);
  });
  return {
    async stop(hurry) {
      await close(server, hurry);
      await socket.remove();
    },
  };
}

async function close(server: Server, hurry: AbortSignal): Promise<void> {
  if (!server.listening) return;
  const cut = (): void => server.closeAllConnections();
  hurry.addEventListener("abort", cut, { once: true });
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  if (hurry.aborted) cut();
  await closed;
  hurry.removeEventListener("abort", cut);
}
