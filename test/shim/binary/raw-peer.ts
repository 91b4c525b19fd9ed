import { createServer, type Socket } from "node:net";

export interface RawPeer {
  close(): void;
}

/** Listens on a unix socket and treats every connection in its own way. */
export async function startRawPeer(socketPath: string, treat: (socket: Socket) => void): Promise<RawPeer> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => open.delete(socket));
    treat(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(socketPath, resolve);
  });
  return {
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
