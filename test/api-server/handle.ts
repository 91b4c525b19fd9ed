import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { authenticate, authorize, type Rule } from "./access.ts";
import { ApiError, methodNotAllowed, tooLarge } from "./api-error.ts";
import { clusterObject, type ClusterState } from "./cluster-objects.ts";
import { remove } from "./deleting.ts";
import type { Faults, PlainAnswer } from "./faults.ts";
import { list } from "./listing.ts";
import { at, type JsonObject } from "./objects.ts";
import { negotiate } from "./representation.ts";
import type { RequestLog } from "./request-log.ts";
import type { Resource } from "./resources.ts";
import { isFor, parseTarget, resourceLabel, type Target } from "./target.ts";
import type { Bell } from "./until.ts";
import { type OpenWatch, openWatch, type WatchOptions } from "./watching.ts";
import { create, existing, patch, update } from "./writing.ts";

export interface World extends ClusterState {
  readonly faults: Faults;
  readonly log: RequestLog;
  readonly bell: Bell;
  readonly watches: Set<OpenWatch>;
  readonly rules: readonly Rule[];
  readonly users: ReadonlyMap<string, string>;
  readonly watch: WatchOptions;
}

const BODY_BYTES = 3 * 1024 * 1024;
const GZIP_FROM_BYTES = 128 * 1024;

const NO_SUCH_PATH: PlainAnswer = { code: 404, contentType: "text/plain; charset=utf-8", body: "404 page not found\n" };

/** Answers one request. */
export async function handle(world: World, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "", url = "/", headers } = request;
  const { pathname: path, searchParams: query } = new URL(url, "https://localhost");
  const body = await readBody(request).catch(() => undefined);
  // The client has gone away.
  if (body === undefined) return;

  const target = parseTarget(method, path, query);
  const label = target ? `${target.verb} ${resourceLabel(target)}` : `${method} ${path}`;
  const entry = world.log.add({ method, path, query: Object.fromEntries(query), headers, body, label });
  const send = (answer: PlainAnswer): void => {
    entry.answered(answer.code);
    write(answer, headers["accept-encoding"], response);
  };
  const respond = (): PlainAnswer | undefined => {
    const user = authenticate(headers.authorization, world.users);
    if (target === undefined) return NO_SUCH_PATH;
    authorize(user, target, world.rules);
    const made = clusterObject(world, target, body);
    if (made !== undefined) return json(target.verb === "create" ? 201 : 200, made);
    const resource = [...world.installed].find(isFor(target));
    if (resource === undefined) return NO_SUCH_PATH;
    if (Buffer.byteLength(body) > BODY_BYTES) throw tooLarge(BODY_BYTES);
    if (target.verb === "watch") {
      startWatch(world, resource, target, query, headers.accept, response);
      entry.answered(200);
      return undefined;
    }
    return serve(world, { resource, target, query, headers, body });
  };
  const outcome = (): PlainAnswer | undefined => {
    try {
      return respond();
    } catch (error) {
      if (error instanceof ApiError) return json(error.code, error.status);
      throw error;
    }
  };
  world.bell.ring();

  const fault = target && world.faults.take(target);
  if (fault?.does === "hang") return;
  if (fault?.does === "cut") {
    cut(fault.when, outcome, response);
    return;
  }
  if (fault?.does === "delay") await new Promise((resolve) => setTimeout(resolve, fault.ms));
  // The client has gone away meanwhile.
  if (response.destroyed) return;
  const answer = fault?.does === "answer" ? fault.answer : outcome();
  if (answer !== undefined) send(answer);
  world.bell.ring();
}

interface Served {
  readonly resource: Resource;
  readonly target: Target;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

function serve({ store, namespaces }: World, { resource, target, query, headers, body }: Served): PlainAnswer {
  const representation = negotiate(headers.accept, target.verb === "list");
  const contentType = (headers["content-type"] ?? "").replace(/;.*/, "").trim();
  const write = { store, resource, target, contentType, body, dryRun: query.get("dryRun") === "All" };
  switch (target.verb) {
    case "get":
      return json(200, representation.one(resource, existing(write)));
    case "list":
      return json(200, list(store, resource, target.namespace, query, representation));
    case "create":
      return json(201, representation.one(resource, create(write, namespaces)));
    case "update":
      return json(200, representation.one(resource, update(write)));
    case "patch":
      return json(200, representation.one(resource, patch(write)));
    case "delete":
      return json(200, remove(write, query));
    default:
      throw methodNotAllowed();
  }
}

function startWatch(
  { store, watches, watch: options, bell }: World,
  resource: Resource,
  { namespace }: Target,
  query: URLSearchParams,
  accept: string | undefined,
  response: ServerResponse,
): void {
  const representation = negotiate(accept, false);
  const watch = openWatch({ store, resource, namespace, query, representation, options }, response);
  if (response.writableEnded) return;
  watches.add(watch);
  const gone = (): void => {
    if (watches.delete(watch)) bell.ring();
  };
  // Ended by the server or closed by the client.
  response.once("finish", gone);
  response.once("close", gone);
}

function cut(
  when: "before" | "after" | "amid",
  outcome: () => PlainAnswer | undefined,
  response: ServerResponse,
): void {
  const answer = when === "before" ? undefined : outcome();
  if (when === "amid" && answer !== undefined) {
    const bytes = Buffer.from(answer.body);
    response.writeHead(answer.code, { "content-type": answer.contentType, "content-length": bytes.length });
    response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
    return;
  }
  response.destroy();
}

function json(code: number, object: JsonObject): PlainAnswer {
  const seconds = at(object, "details.retryAfterSeconds");
  return {
    code,
    contentType: "application/json",
    body: `${JSON.stringify(object)}\n`,
    ...(typeof seconds === "number" && { retryAfterSeconds: seconds }),
  };
}

function write(answer: PlainAnswer, acceptEncoding: string | string[] | undefined, response: ServerResponse): void {
  const bytes = Buffer.from(answer.body);
  const zip = bytes.length >= GZIP_FROM_BYTES && String(acceptEncoding).includes("gzip");
  const content = zip ? gzipSync(bytes) : bytes;
  response.setHeader("cache-control", "no-cache, private");
  if (zip) response.setHeader("content-encoding", "gzip");
  if (answer.retryAfterSeconds !== undefined) response.setHeader("retry-after", answer.retryAfterSeconds);
  response.writeHead(answer.code, { "content-type": answer.contentType, "content-length": content.length });
  response.end(content);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
