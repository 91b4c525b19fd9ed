/**
 * A gRPC server for unary methods on a unix socket: what plexus.sock needs. grpc-js would cost the daemon 14 MiB and three
 * times the CPU of a call.
 */
import type { Socket } from "node:net";
import type { Caller } from "../call-scope.ts";
import type { Call } from "./call.ts";
import { GrpcCode } from "./grpc-code.ts";
import { ServerConnection } from "./server-connection.ts";

/** Answers a message with a message. @throws CallFailure for a gRPC status of its own; anything else becomes INTERNAL */
export type UnaryMethod = (message: Uint8Array, caller: Caller) => Promise<Uint8Array>;

export class CallFailure extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface UnaryServerOptions {
  /** By path, such as `/plexus.v1.Cni/Add`. */
  readonly methods: ReadonlyMap<string, UnaryMethod>;
  /** What a client is told that calls anything else. */
  readonly unknownMethod: string;
  readonly onBug: (path: string, thrown: unknown) => void;
}

export interface UnaryServer {
  accept(socket: Socket): void;
  /** Takes no new call, and closes each connection as soon as its calls have ended. */
  goAway(): void;
}

/** A later deadline is none: timers cannot wait longer. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export function makeUnaryServer(options: UnaryServerOptions): UnaryServer {
  const serving = new Set<() => void>();
  let isGoing = false;
  return {
    accept(socket) {
      const goAway = serve(socket, options);
      serving.add(goAway);
      socket.once("close", () => serving.delete(goAway));
      if (isGoing) goAway();
    },
    goAway() {
      isGoing = true;
      for (const goAway of serving) goAway();
    },
  };
}

/** Serves one connection. Returns how to take no more calls from it. */
function serve(socket: Socket, options: UnaryServerOptions): () => void {
  const { methods, unknownMethod } = options;
  const flush = (): void => {
    const output = connection.takeOutput();
    if (output.length > 0) socket.write(output);
    if (connection.isFinished()) socket.end();
  };
  const connection = new ServerConnection(
    (call, message) => void respond(connection, call, message, options).then(flush),
    ({ path }) => (methods.has(path) ? undefined : { code: GrpcCode.unimplemented, message: unknownMethod }),
  );
  socket.on("data", (chunk: Buffer) => {
    connection.receive(chunk);
    flush();
  });
  socket.once("end", () => connection.gone());
  socket.once("close", () => connection.gone());
  return () => {
    connection.goAway();
    flush();
  };
}

async function respond(
  connection: ServerConnection,
  call: Call,
  message: Uint8Array,
  { methods, onBug }: UnaryServerOptions,
): Promise<void> {
  const { path, timeoutMs } = call.head;
  const expire = (): void => connection.fail(call, GrpcCode.deadlineExceeded, "the deadline of the call has passed");
  const timer = timeoutMs <= LONGEST_TIMEOUT_MS ? setTimeout(expire, timeoutMs) : undefined;
  try {
    const method = methods.get(path);
    if (method === undefined) throw new Error("the connection lets no other path through");
    connection.answer(call, await method(message, { patienceMs: timeoutMs, onGone: (tell) => call.onGone(tell) }));
  } catch (thrown) {
    if (thrown instanceof CallFailure) connection.fail(call, thrown.code, thrown.message);
    else {
      onBug(path, thrown);
      connection.fail(call, GrpcCode.internal, "internal error; the daemon's log has it");
    }
  } finally {
    clearTimeout(timer);
  }
}
