import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { PlexusError } from "../../domain/errors.ts";
import type { Credential, Credentials } from "./credentials.ts";
import { untilAborted } from "./until-raised.ts";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PATCH";
  /** With its query. */
  readonly path: string;
  readonly accept: string;
  readonly body?: { readonly type: string; readonly text: string };
  /** From the first byte sent to the last one received. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface ApiHead {
  readonly status: number;
  /** How long the server asks to be left alone, a minute at most. */
  readonly retryAfterMs: number;
}

export interface ApiAnswer extends ApiHead {
  readonly body: string;
}

export interface ApiStream extends ApiHead {
  /** As it arrives. Throws when the connection breaks, the time is over or the signal is raised. */
  readonly chunks: AsyncIterable<string>;
}

/**
 * Requests to the API server. Both reject with PlexusError `io-failure` when there is no answer; an answer that refuses is an answer.
 * After a 401 the credentials are read again and the request repeated, once.
 */
export interface ApiClient {
  request(request: ApiRequest): Promise<ApiAnswer>;
  /** On a connection of its own. */
  stream(request: ApiRequest): Promise<ApiStream>;
  /** Ends the connections that nobody uses. */
  close(): void;
}

/** Everything that is written here may be written twice, so a request may be sent again. */
export function makeApiClient(credentials: Credentials): ApiClient {
  // Credentials are part of an agent's key for a connection: after a change it opens new ones.
  const agents = { "http:": new HttpAgent(POOL), "https:": new HttpsAgent(POOL) };

  async function send(request: ApiRequest, shared: boolean, deadline: AbortSignal): Promise<IncomingMessage> {
    // An exec plugin knows of no deadline.
    const credential = await untilAborted(credentials.current(), deadline);
    const agent = shared && agents[credential.server.protocol === "https:" ? "https:" : "http:"];
    try {
      return await open(request, credential, agent, deadline);
    } catch (cause) {
      if (!(cause instanceof StaleConnection)) throw cause;
      return open(request, credential, agent, deadline);
    }
  }

  async function authorized(request: ApiRequest, shared: boolean, deadline: AbortSignal): Promise<IncomingMessage> {
    const response = await send(request, shared, deadline);
    if (response.statusCode !== 401) return response;
    response.resume();
    credentials.refused();
    return send(request, shared, deadline);
  }

  async function withDeadline<T>(request: ApiRequest, work: (deadline: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = AbortSignal.any([request.signal, AbortSignal.timeout(request.timeoutMs)]);
    try {
      return await work(deadline);
    } catch (cause) {
      throw noAnswer(request, deadline, cause);
    }
  }

  return {
    request: (request) =>
      withDeadline(request, async (deadline) => {
        const response = await authorized(request, true, deadline);
        return { ...headOf(response), body: await textOf(response) };
      }),
    stream: (request) =>
      withDeadline(request, async (deadline) => {
        const response = await authorized(request, false, deadline);
        return { ...headOf(response), chunks: chunksOf(response) };
      }),
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

/** A handful of connections carries a node's requests. The API server drops one that is idle for 90 s; drop it before. */
const POOL = { keepAlive: true, maxSockets: 8, timeout: 60_000, scheduling: "lifo" } as const;
/** In characters. To parse as many takes the event loop some 50 ms. */
const LONGEST_BODY = 16 * 1024 * 1024;
const LONGEST_RETRY_AFTER_S = 60;

/** There is an answer, and it is too long to be read. A list can be asked for in smaller pages. */
export class AnswerTooLong extends Error {}

/** The server closed a kept connection just as it was used again. */
class StaleConnection extends Error {}

function open(
  { method, path, accept, body }: ApiRequest,
  { server, headers, tls }: Credential,
  agent: HttpAgent | HttpsAgent | false,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = server.protocol === "https:" ? httpsRequest : httpRequest;
    const outgoing = send({
      ...tls,
      hostname: server.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: server.port,
      path: server.pathname.replace(/\/$/, "") + path,
      method,
      headers: {
        accept,
        "user-agent": "plexus-daemon",
        ...headers,
        ...(body !== undefined && { "content-type": body.type, "content-length": Buffer.byteLength(body.text) }),
      },
      agent,
      signal,
    });
    // A peer that vanished without a word must be noticed between two requests too.
    outgoing.setSocketKeepAlive(true, 30_000);
    outgoing.once("response", resolve);
    outgoing.on("error", (cause: NodeJS.ErrnoException) => {
      const stale = outgoing.reusedSocket && (cause.code === "ECONNRESET" || cause.code === "EPIPE");
      reject(stale ? new StaleConnection(cause.message, { cause }) : cause);
    });
    outgoing.end(body?.text);
  });
}

function headOf({ statusCode = 0, headers }: IncomingMessage): ApiHead {
  const seconds = /^\d+$/.exec(headers["retry-after"] ?? "")?.[0] ?? "0";
  return { status: statusCode, retryAfterMs: Math.min(Number(seconds), LONGEST_RETRY_AFTER_S) * 1000 };
}

/** With an encoding, a stream of bytes is one of strings; its type does not know. */
function chunksOf(response: IncomingMessage): AsyncIterable<string> {
  return response.setEncoding("utf8") as AsyncIterable<string>;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of chunksOf(response)) {
    text += chunk;
    if (text.length > LONGEST_BODY) throw new AnswerTooLong("the answer is too long");
  }
  return text;
}

function noAnswer(request: ApiRequest, deadline: AbortSignal, cause: unknown): PlexusError {
  if (cause instanceof PlexusError) return cause;
  return new PlexusError("io-failure", `no answer from the API server: ${reasonOf(request, deadline, cause)}`, {
    cause,
  });
}

function reasonOf(request: ApiRequest, deadline: AbortSignal, cause: unknown): string {
  if (request.signal.aborted) return "it was not waited for";
  if (deadline.aborted) return `none within ${request.timeoutMs} ms`;
  const { code, message } = cause as NodeJS.ErrnoException;
  return code ?? message;
}
