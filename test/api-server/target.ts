import type { Resource } from "./resources.ts";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

/** What a request is about, known from its method and URL alone; there need not be such a resource. */
export interface Target {
  readonly verb: Verb;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** Empty when all namespaces are meant. */
  readonly namespace: string;
  /** Empty when the whole collection is meant. */
  readonly name: string;
  readonly subresource: string;
}

const PATH = new RegExp(
  [
    "^/(?:api|apis/(?<group>[^/]+))/(?<version>[^/]+)",
    "(?:/namespaces/(?<namespace>[^/]+))?",
    "/(?<plural>[^/]+)(?:/(?<name>[^/]+)(?:/(?<subresource>[^/]+))?)?$",
  ].join(""),
);

/** Undefined for what is no resource at all. */
export function parseTarget(method: string, path: string, query: URLSearchParams): Target | undefined {
  const parts = PATH.exec(path)?.groups;
  if (parts === undefined) return undefined;
  const part = (name: string): string => decodeURIComponent(parts[name] ?? "");
  const verb = verbOf(method, part("name") !== "", query);
  if (verb === undefined) return undefined;
  return {
    verb,
    group: part("group"),
    version: part("version"),
    plural: part("plural"),
    namespace: part("namespace"),
    name: part("name"),
    subresource: part("subresource"),
  };
}

function verbOf(method: string, named: boolean, query: URLSearchParams): Verb | undefined {
  switch (method) {
    case "GET":
      return named ? "get" : isTrue(query.get("watch")) ? "watch" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return named ? "delete" : "deletecollection";
    default:
      return undefined;
  }
}

/** A boolean parameter, as the real server reads it. */
export const isTrue = (value: string | null): boolean => value !== null && value !== "0" && value !== "false";

/** `pods/status`, `events.events.k8s.io`: what rules, faults and counts call it. */
export const resourceLabel = ({ group, plural, subresource }: Target): string =>
  `${group === "events.k8s.io" ? `${plural}.${group}` : plural}${subresource && `/${subresource}`}`;

export const isFor =
  ({ group, version, plural, subresource }: Target) =>
  (resource: Resource): boolean =>
    resource.group === group &&
    resource.version === version &&
    resource.plural === plural &&
    (subresource === "" || resource.subresources.includes(subresource));
