import { once } from "node:events";
import { createServer } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Certificates } from "./certificates.ts";

export interface Listener {
  readonly port: number;
  /** TCP connections: those that are there, and all that there ever were. */
  readonly connections: () => { readonly open: number; readonly total: number };
  /** Closes every connection; new ones are welcome. */
  readonly cutConnections: () => void;
  /** Closes every connection, and new ones are refused. */
  readonly down: () => Promise<void>;
  /** New connections get this certificate. */
  readonly use: (certificates: Certificates) => void;
  /** On the same port as before. */
  readonly up: () => Promise<void>;
}

/** Listens on a free port of 127.0.0.1. `ring` is called whenever a connection comes or goes. */
export async function listen(
  { cert, key }: Certificates,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  ring: () => void,
): Promise<Listener> {
  const sockets = new Set<Socket>();
  let total = 0;
  const server = createServer({ cert, key }, (request, response) => void answer(request, response));
  // Longer than any test: an idle connection is the client's to close.
  server.keepAliveTimeout = 90_000;
  server.on("connection", (socket: Socket) => {
    total += 1;
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      ring();
    });
    ring();
  });
  const bind = async (port: number): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  const cutConnections = (): void => sockets.forEach((socket) => socket.destroy());

  await bind(0);
  // Listening on a TCP port, so that it has an address of that form.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    connections: () => ({ open: sockets.size, total }),
    cutConnections,
    use: (certificates) => server.setSecureContext({ cert: certificates.cert, key: certificates.key }),
    down: async () => {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      cutConnections();
      await closed;
    },
    up: () => bind(port),
  };
}
