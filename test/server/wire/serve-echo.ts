/** The unary server with two methods: one gives the message back, one waits until its caller is gone. */
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { makeUnaryServer, type UnaryMethod, type UnaryServer } from "../../../daemon/server/wire/unary-server.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

export interface EchoServer {
  readonly socket: string;
  readonly server: UnaryServer;
  /** What onGone told, in order. */
  readonly gone: string[];
  /** Resolves when a call of /Wait has begun. */
  waits(): Promise<unknown>;
}

export async function serveEcho(): Promise<EchoServer> {
  const socket = join(await temporaryDirectory(), "echo.sock");
  const gone: string[] = [];
  const begun: (() => void)[] = [];
  let count = 0;
  const server = makeUnaryServer({
    methods: new Map<string, UnaryMethod>([
      ["/Echo", (message) => Promise.resolve(message.slice())],
      [
        "/Wait",
        (message, { onGone }) =>
          new Promise((resolve) => {
            onGone(() => {
              gone.push(Buffer.from(message).toString());
              resolve(message);
            });
            count += 1;
            for (const tell of begun.splice(0)) tell();
          }),
      ],
      ["/Bug", () => Promise.reject(new TypeError("x is undefined"))],
    ]),
    unknownMethod: "only Echo, Wait and Bug",
    onBug: () => undefined,
  });
  const open = new Set<Socket>();
  const listener = createServer((connection) => {
    open.add(connection.on("error", () => undefined));
    server.accept(connection);
  }).listen(socket);
  await once(listener, "listening");
  onTestFinished(() => {
    listener.close();
    for (const connection of open) connection.destroy();
  });
  return {
    socket,
    server,
    gone,
    waits: () => (count > 0 ? Promise.resolve() : new Promise<void>((resolve) => begun.push(resolve))),
  };
}
