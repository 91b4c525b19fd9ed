import { badRequest, expired, forbiddenField, futureRevision, invalid } from "./api-error.ts";
import { parseFieldSelector } from "./field-selector.ts";
import type { ApiObject, JsonObject } from "./objects.ts";
import type { Representation } from "./representation.ts";
import type { Resource } from "./resources.ts";
import { keyOf, type Store } from "./store.ts";

export interface Selection {
  readonly matches: (object: ApiObject) => boolean;
  readonly byField: boolean;
}

/** What of a collection a list or a watch is about. */
export function parseSelection(resource: Resource, namespace: string, query: URLSearchParams): Selection {
  if (query.get("labelSelector")) throw badRequest("this server for tests knows no labelSelector");
  const fields = parseFieldSelector(resource, query.get("fieldSelector") ?? "");
  return {
    byField: !fields.isEmpty,
    matches: (object) =>
      (namespace === "" || object.metadata.namespace === namespace) &&
      fields.matches({ ...object, ...resource.serve(object) }),
  };
}

/** 0 when it may be any. */
export function parseRevision(text: string): number {
  if (!/^\d*$/.test(text)) throw badRequest(`invalid resource version "${text}"`);
  return Number(text);
}

export function list(
  store: Store,
  resource: Resource,
  namespace: string,
  query: URLSearchParams,
  representation: Representation,
): JsonObject {
  const selection = parseSelection(resource, namespace, query);
  const { revision, limit, after } = parsePage(store, query);
  const all = store.list(resource.collection, revision).filter(selection.matches);
  const rest = all.filter((object) => keyOf(object) > after);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  const left = rest.length - page.length;
  const more = left > 0 && last !== undefined;
  return representation.list(resource, page, {
    resourceVersion: String(revision),
    ...(more && { continue: encodeToken({ revision, after: keyOf(last) }) }),
    ...(more && !selection.byField && { remainingItemCount: left }),
  });
}

interface Page {
  readonly revision: number;
  readonly limit: number;
  /** The key of the last object of the page before, or empty. */
  readonly after: string;
}

function parsePage(store: Store, query: URLSearchParams): Page {
  const version = query.get("resourceVersion") ?? "";
  const match = query.get("resourceVersionMatch") ?? "";
  const token = query.get("continue") ?? "";
  const limitText = query.get("limit") ?? "";
  if (!/^\d*$/.test(limitText)) throw badRequest(`limit: "${limitText}" is no number`);
  const limit = Number(limitText) || Infinity;
  refuseMatch(match, version, token);

  if (token !== "") {
    if (version !== "" && version !== "0") {
      throw badRequest("specifying resource version is not allowed when using continue");
    }
    return { ...resume(store, token), limit };
  }
  const asked = parseRevision(version);
  const current = store.revision();
  // The watch cache answers, and knows no pages.
  if (version === "0") return { revision: current, limit: Infinity, after: "" };
  if (asked > current) throw futureRevision(asked, current);
  const exact = match === "Exact" || (match === "" && asked > 0 && limit < Infinity);
  if (exact && asked < store.compacted()) throw expired("The resourceVersion for the provided list is too old.");
  return { revision: exact ? asked : current, limit, after: "" };
}

function refuseMatch(match: string, version: string, token: string): void {
  const why =
    match === ""
      ? ""
      : version === ""
        ? "resourceVersionMatch is forbidden unless resourceVersion is provided"
        : token !== ""
          ? "resourceVersionMatch is forbidden when continue is provided"
          : match === "Exact" && version === "0"
            ? 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            : match === "Exact" || match === "NotOlderThan"
              ? ""
              : `"${match}" is not supported`;
  if (why) throw invalidOptions("resourceVersionMatch", why);
}

export const invalidOptions = (field: string, why: string) =>
  invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", [forbiddenField(field, why)]);

interface Token {
  /** -1: whatever is current. */
  readonly revision: number;
  readonly after: string;
}

const encodeToken = (token: Token): string => Buffer.from(JSON.stringify(token)).toString("base64url");

function resume(store: Store, text: string): Token {
  const [revision, after] = decodeToken(text);
  if (revision === -1) return { revision: store.revision(), after };
  if (revision >= store.compacted()) return { revision, after };
  throw expired(
    "The provided continue parameter is too old to display a consistent list result. " +
      "You can start a new list without the continue parameter, or use the continue token in this response " +
      "to retrieve the remainder of the results.",
    { continue: encodeToken({ revision: -1, after }) },
  );
}

function decodeToken(text: string): [number, string] {
  try {
    const token = JSON.parse(Buffer.from(text, "base64url").toString()) as Partial<Token>;
    if (typeof token.revision === "number" && typeof token.after === "string") return [token.revision, token.after];
  } catch {
    // No JSON: refused below.
  }
  throw badRequest("continue key is not valid");
}
