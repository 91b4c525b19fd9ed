import { createServer, type Server, type Socket } from "node:net";

export interface Connections {
  /** Lets no new client in, and resolves when every connection has ended. */
  ended(): Promise<void>;
  /** Destroys every connection that is left. */
  cut(): void;
}

/**
 * Listens and keeps count of connections: a gRPC server forgets a client that stays after GOAWAY.
 * @param mostConnections how many there may be at a time; one more is closed as it comes
 */
export async function listen(
  path: string,
  onConnection: (socket: Socket) => void,
  mostConnections?: number,
): Promise<Connections> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    // A client that resets its connection harms no other.
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  if (mostConnections !== undefined) server.maxConnections = mostConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
  // accept(2) failed for one client; the others can still connect.
  server.on("error", () => undefined);
  return {
    ended: () => new Promise((resolve) => void server.close(() => resolve())),
    cut: () => {
      for (const socket of open) socket.destroy();
    },
  };
}
