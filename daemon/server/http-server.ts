/** Plain HTTP for peers that speak nothing else: probes, metrics, Multus' hot-plug API. A few routes, small requests, and an end to everything. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { Meters } from "../ports/meters.ts";
import type { Caller } from "./call-scope.ts";

export interface HttpReply {
  readonly status: number;
  readonly type?: string;
  readonly body?: string;
}

export interface Route {
  readonly methods: readonly string[];
  readonly handle: (body: string, caller: Caller) => HttpReply | Promise<HttpReply>;
}

/** By path. */
export type Routes = Readonly<Record<string, Route>>;

export interface HttpDeps {
  readonly log: Logger;
  readonly meters: Meters;
}

/** How long a request may take to arrive, and its head. */
const REQUEST_TIMEOUT_MS = 10_000;
const HEAD_TIMEOUT_MS = 2_000;
/** How long a peer may take over an answer. */
const ANSWER_TIMEOUT_MS = 10_000;
/** Connections that wait for their peer: for the rest of a request, or to take the answer. */
const MOST_WAITING = 64;
/** All connections. Requests that are worked on are few, and each has a deadline of its own. */
const MOST_CONNECTIONS = 256;
const LARGEST_HEAD_BYTES = 8 << 10;
/** A megabyte of config in base64, and what is around it. */
const LARGEST_BODY_BYTES = 2 << 20;

export interface HttpServer {
  /** Not listening yet. */
  readonly server: Server;
  /** Resolves when no request is being worked on, whether or not anybody still waits for the answer. */
  idle(): Promise<void>;
}

/** Every answer is counted, as Multus counts (spec §7.8). */
export function httpServer(routes: Routes, deps: HttpDeps): HttpServer {
  const underWay = new Set<Promise<void>>();
  const waiting = waitingConnections();
  const server = createServer(
    {
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: HEAD_TIMEOUT_MS / 2,
      maxHeaderSize: LARGEST_HEAD_BYTES,
    },
    (request, response) => {
      const answered = answer(routes, deps, waiting, request, response)
        .catch((thrown: unknown) => {
          // Whoever asked went away before the request was whole.
          if (request.errored === null) deps.log.error({ err: thrown }, "bug: a request could not be answered");
          response.destroy();
        })
        .finally(() => underWay.delete(answered));
      underWay.add(answered);
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.on("connection", waiting.begins);
  return {
    server,
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

interface WaitingConnections {
  /** It waits for its peer, from now on. */
  readonly begins: (socket: Socket) => void;
  /** The peer waits for us. */
  readonly ends: (socket: Socket) => void;
}

/**
 * Any process of the node can open connections and then send nothing, or take no answer. They must not keep the kubelet's probes out: the
 * oldest goes when there are too many (issue 11).
 */
function waitingConnections(): WaitingConnections {
  const waiting = new Set<Socket>();
  return {
    begins(socket) {
      socket.once("close", () => waiting.delete(socket));
      const [oldest] = waiting.add(socket);
      if (waiting.size > MOST_WAITING) oldest?.destroy();
    },
    ends: (socket) => void waiting.delete(socket),
  };
}

async function answer(
  routes: Routes,
  { meters }: HttpDeps,
  waiting: WaitingConnections,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "", url = "" } = request;
  const path = url.split("?", 1)[0] ?? "";
  const route = routes[path];
  const { socket } = request;
  const arrived = (): void => waiting.ends(socket);
  const { status, type = "text/plain; charset=utf-8", body = "" } = await replyTo(route, request, response, arrived);
  waiting.begins(socket);
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
  meters.answered(route === undefined ? "NotFound" : path, method, status);
  response
    .writeHead(status, {
      "content-type": type,
      "content-length": Buffer.byteLength(body),
      // One request each, as with Multus: nobody has a connection that a daemon which stops would have to wait for.
      connection: "close",
      ...(route !== undefined && status === 405 && { allow: route.methods.join(", ") }),
    })
    .end(method === "HEAD" ? undefined : body);
}

async function replyTo(
  route: Route | undefined,
  request: IncomingMessage,
  response: ServerResponse,
  arrived: () => void,
): Promise<HttpReply> {
  if (route === undefined) return { status: 404 };
  if (!route.methods.includes(request.method ?? "")) return { status: 405, body: "Method not allowed\n" };
  // Whoever only asks has nothing to say, and must not be able to fill our memory with it.
  const body = request.method === "POST" ? await bodyOf(request) : "";
  if (body === undefined) return { status: 413, body: `a request may have ${LARGEST_BODY_BYTES} bytes\n` };
  arrived();
  return route.handle(body, callerOf(response));
}

/** Undefined when there is too much of it. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Left half-read, it must not take the connection along that the answer is for.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function callerOf(response: ServerResponse): Caller {
  return {
    patienceMs: Infinity,
    onGone: (tell) => {
      response.once("close", tell);
      if (response.destroyed) tell();
      return () => response.off("close", tell);
    },
  };
}
