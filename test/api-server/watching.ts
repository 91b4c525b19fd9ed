import type { ServerResponse } from "node:http";
import { type ApiError, badRequest, expired } from "./api-error.ts";
import { invalidOptions, parseRevision, parseSelection, type Selection } from "./listing.ts";
import type { ApiObject, JsonObject } from "./objects.ts";
import type { Representation } from "./representation.ts";
import type { Resource } from "./resources.ts";
import type { Change, Store } from "./store.ts";
import { isTrue } from "./target.ts";

/** How a watch that is going on can go wrong; a real cluster has all of them. */
export type WatchMishap =
  /** The answer ends as it should, as when the server restarts or the time is up. */
  | "ends"
  /** The connection is closed in the middle of the answer. */
  | "cut"
  /** Half of an event is sent, then the connection is closed. */
  | "cut in an event"
  /** Nothing is sent any more, though the connection stays. */
  | "silent"
  /** An ERROR event with code 410, then the end. */
  | "expired"
  /** An ERROR event with code 500, then the end. */
  | "failed"
  /** A line that is no JSON. */
  | "garbled"
  /** An event of a type that is in no documentation. */
  | "unknown event";

export interface WatchOptions {
  /** BOOKMARKs are sent this often, in milliseconds; otherwise only when the test asks for them. */
  readonly bookmarkEveryMs?: number;
  /** What becomes of `sendInitialEvents`: refused as by servers that know it, or ignored as by older ones. */
  readonly sendInitialEvents: "refused" | "ignored";
  /** A watch from a version that is too old fails with an ERROR event (the real server's way) or before it begins. */
  readonly expiry: "event" | "status";
  /** The answer is cut into pieces of so many bytes, in lines and in characters. */
  readonly chunkBytes?: number;
}

export interface OpenWatch {
  readonly resource: Resource;
  readonly query: URLSearchParams;
  readonly isSilent: () => boolean;
  readonly see: (change: Change) => void;
  readonly bookmark: () => void;
  readonly suffer: (mishap: WatchMishap) => void;
}

interface WatchRequest {
  readonly store: Store;
  readonly resource: Resource;
  readonly namespace: string;
  readonly query: URLSearchParams;
  readonly representation: Representation;
  readonly options: WatchOptions;
}

/** Begins to answer a watch. Throws what makes it fail before it begins. */
export function openWatch(request: WatchRequest, response: ServerResponse): OpenWatch {
  const { store, resource, query, representation, options } = request;
  const selection = parseSelection(resource, request.namespace, query);
  const from = parseStart(request);
  const seconds = query.get("timeoutSeconds") ?? "";
  if (!/^\d*$/.test(seconds)) throw badRequest(`timeoutSeconds: "${seconds}" is no number`);

  let silent = false;
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-cache, private" });
  response.flushHeaders();

  const write = (line: string): void => {
    if (silent || response.writableEnded || response.destroyed) return;
    const bytes = Buffer.from(line);
    const size = options.chunkBytes ?? bytes.length;
    for (let start = 0; start < bytes.length; start += size) response.write(bytes.subarray(start, start + size));
  };
  const send = (type: string, object: JsonObject): void => write(eventLine(type, object));
  const fail = (error: ApiError): void => {
    send("ERROR", error.status);
    end();
  };
  const end = (): void => {
    if (!silent) response.end();
  };
  const see = (change: Change): void => {
    // A watch may begin in the future.
    if (change.collection !== resource.collection || change.revision <= (from ?? 0)) return;
    const seen = selected(selection, change);
    if (seen !== undefined) send(seen.type, representation.one(resource, seen.object));
  };
  const bookmark = (): void => {
    if (isTrue(query.get("allowWatchBookmarks"))) {
      send("BOOKMARK", representation.bookmark(resource, String(store.revision())));
    }
  };

  const timers = [
    seconds === "" || seconds === "0" ? undefined : setTimeout(end, Number(seconds) * 1_000),
    options.bookmarkEveryMs === undefined ? undefined : setInterval(bookmark, options.bookmarkEveryMs),
  ];
  response.once("close", () => timers.forEach((timer) => clearTimeout(timer)));

  if (from === undefined) {
    for (const object of store.list(resource.collection).filter(selection.matches)) {
      send("ADDED", representation.one(resource, object));
    }
  } else if (from < store.compacted()) {
    fail(tooOld(from, store.compacted()));
  } else {
    store.since(resource.collection, from).forEach(see);
  }

  const suffer = (mishap: WatchMishap): void => {
    switch (mishap) {
      case "ends":
        return end();
      case "cut":
        response.destroy();
        return;
      case "cut in an event":
        write(eventLine("MODIFIED", representation.bookmark(resource, "1")).slice(0, 40));
        // Destroyed at once, what was written might never be sent.
        setImmediate(() => response.destroy());
        return;
      case "silent":
        silent = true;
        return;
      case "expired":
        return fail(expired("The resourceVersion for the provided watch is too old."));
      case "failed":
        send("ERROR", {
          kind: "Status",
          apiVersion: "v1",
          metadata: {},
          status: "Failure",
          message: "etcdserver: leader changed",
          code: 500,
        });
        return end();
      case "garbled":
        return write('{"type":"MODIFIED","object":{"kind"\n');
      case "unknown event":
        return send("RENAMED", representation.bookmark(resource, String(store.revision())));
    }
  };
  return { resource, query, isSilent: () => silent, see, bookmark, suffer };
}

const eventLine = (type: string, object: JsonObject): string => `${JSON.stringify({ type, object })}\n`;

const tooOld = (from: number, compacted: number): ApiError =>
  expired(`too old resource version: ${from} (${compacted})`);

/** The version after which to begin; undefined for the present state followed by what happens then. */
function parseStart({ store, query, options }: WatchRequest): number | undefined {
  const version = query.get("resourceVersion") ?? "";
  const asked = query.get("sendInitialEvents") !== null;
  if (asked && options.sendInitialEvents === "refused") {
    throw invalidOptions(
      "sendInitialEvents",
      "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
    );
  }
  if (query.get("resourceVersionMatch") && !asked) {
    throw invalidOptions(
      "resourceVersionMatch",
      "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    );
  }
  const from = parseRevision(version);
  if (from === 0) return undefined;
  if (from < store.compacted() && options.expiry === "status") throw tooOld(from, store.compacted());
  return from;
}

/** What one who sees only a selection sees of a change: an object may come into it or go out of it. */
function selected({ matches }: Selection, change: Change): { type: string; object: ApiObject } | undefined {
  const { type, object, previous } = change;
  const was = previous !== undefined && matches(previous);
  const is = type !== "DELETED" && matches(object);
  if (is) return { type: was ? "MODIFIED" : "ADDED", object };
  if (!was) return undefined;
  // As it was when it was last seen, with the version of the change.
  const { resourceVersion } = object.metadata;
  return { type: "DELETED", object: { ...previous, metadata: { ...previous.metadata, resourceVersion } } };
}
