import { createServer, type Server, type Socket } from "node:net";

export interface Connections {
  /** Resolves when nobody new is let in and all who were have gone. Callers of a server that stops are told so by itself. */
  ended(): Promise<void>;
  /** Whoever is left must go. */
  cut(): void;
}

/** Listens, and knows who is connected: gRPC forgets a peer that it has said goodbye to and that stays all the same. */
export async function listen(path: string, onConnection: (socket: Socket) => void): Promise<Connections> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
  // One that could not be accepted is its caller's trouble.
  server.on("error", () => undefined);
  return {
    ended: () => new Promise((resolve) => void server.close(() => resolve())),
    cut: () => {
      for (const socket of open) socket.destroy();
    },
  };
}
