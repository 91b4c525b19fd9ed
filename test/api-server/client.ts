import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { onTestFinished } from "vitest";
import type { JsonObject } from "./objects.ts";
import { type ApiServer, type ApiServerOptions, startApiServer } from "./start-api-server.ts";
import { makeBell } from "./until.ts";

export interface Call {
  readonly method?: string;
  readonly body?: unknown;
  /** Of the body; a merge patch for PATCH and JSON for others unless it is said. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The administrator's unless another is given; null for none. */
  readonly token?: string | null;
  /** PEM of an authority in place of the first. */
  readonly ca?: string;
}

export interface Reply {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON. Throws if it is none. */
  readonly json: () => JsonObject & { readonly metadata: JsonObject; readonly items: readonly JsonObject[] };
}

export interface WatchEvent {
  readonly type: string;
  readonly object: JsonObject & { readonly metadata: JsonObject };
}

export interface Stream {
  /** The next line; the last may be only the beginning of one. Rejects once there will be no more. */
  readonly line: () => Promise<string>;
  readonly event: () => Promise<WatchEvent>;
  /** How the answer ends: as it should, or torn. */
  readonly ending: Promise<"ended" | "torn">;
  readonly close: () => void;
}

export interface Client {
  readonly call: (path: string, call?: Call) => Promise<Reply>;
  readonly watch: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Stream>;
}

/** A server and a client that keeps its connection, both gone when the running test is. */
export async function serverAndClient(options?: ApiServerOptions): Promise<ApiServer & Client> {
  const server = await startApiServer(options);
  const agent = new Agent({ ca: server.ca, keepAlive: true });
  onTestFinished(async () => {
    agent.destroy();
    await server.stop();
  });

  const open = async (
    path: string,
    { method = "GET", body, type, headers = {}, token, ca }: Call,
  ): Promise<IncomingMessage> => {
    const usual = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const bearer = token === undefined ? server.adminToken : token;
    const sent = request(`${server.url}${path}`, {
      method,
      agent: ca === undefined ? agent : new Agent({ ca }),
      headers: {
        ...headers,
        ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
        ...(body !== undefined && { "content-type": type ?? usual }),
      },
    });
    // Node does not frame the body of a DELETE by itself.
    const content = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    if (content !== undefined) sent.setHeader("content-length", Buffer.byteLength(content));
    sent.end(content);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    return response;
  };

  return {
    ...server,
    call: async (path, call = {}) => {
      const response = await open(path, call);
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part as Buffer);
      const text = Buffer.concat(parts).toString();
      return {
        code: response.statusCode ?? 0,
        headers: response.headers,
        text,
        json: () => JSON.parse(text) as ReturnType<Reply["json"]>,
      };
    },
    watch: async (path, headers = {}) => {
      const response = await open(path, { headers });
      const ending = Promise.withResolvers<"ended" | "torn">();
      const bell = makeBell();
      const lines: string[] = [];
      let rest = "";
      let over = false;
      response.setEncoding("utf8").on("data", (text: string) => {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        lines.push(...parts);
        bell.ring();
      });
      // A torn answer is an error too; the end says it.
      response.on("error", () => undefined);
      response.once("close", () => {
        if (rest !== "") lines.push(rest);
        over = true;
        bell.ring();
        ending.resolve(response.complete ? "ended" : "torn");
      });
      const line = (): Promise<string> =>
        bell.until("a line of the watch", () => {
          if (over && lines.length === 0) throw new Error("the watch has ended");
          return lines.shift();
        });
      return {
        line,
        event: async () => JSON.parse(await line()) as WatchEvent,
        ending: ending.promise,
        close: () => response.destroy(),
      };
    },
  };
}

export const PODS_URL = "/api/v1/pods";
export const podUrl = (name: string, subresource = ""): string =>
  `/api/v1/namespaces/default/pods/${name}${subresource}`;
export const NADS_URL = "/apis/k8s.cni.cncf.io/v1/network-attachment-definitions";
