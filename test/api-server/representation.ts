import { notAcceptable } from "./api-error.ts";
import { type ApiObject, isObject, type JsonObject } from "./objects.ts";
import { apiVersion, type Resource } from "./resources.ts";

/** How objects look to one client: whole, or their metadata alone (`as=PartialObjectMetadata` in the Accept header). */
export interface Representation {
  readonly one: (resource: Resource, object: ApiObject) => JsonObject;
  readonly list: (resource: Resource, objects: readonly ApiObject[], metadata: JsonObject) => JsonObject;
  readonly bookmark: (resource: Resource, resourceVersion: string) => JsonObject;
}

const whole: Representation = {
  one: (resource, object) => resource.serve(object),
  list: (resource, objects, metadata) => ({
    kind: `${resource.kind}List`,
    apiVersion: apiVersion(resource),
    metadata,
    items: objects.map((object) => {
      const served = resource.serve(object);
      return resource.builtIn ? { ...served, kind: undefined, apiVersion: undefined } : served;
    }),
  }),
  bookmark: (resource, resourceVersion) => ({
    kind: resource.kind,
    apiVersion: apiVersion(resource),
    // An object of a built-in kind always has its members that cannot be left out.
    metadata: { resourceVersion, ...(resource.builtIn && { creationTimestamp: null }) },
    ...(resource.kind === "Pod" && { spec: { containers: null }, status: {} }),
  }),
};

const PARTIAL = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1" };

const metadataOnly: Representation = {
  one: (_, { metadata }) => ({ ...PARTIAL, metadata }),
  list: (_, objects, metadata) => ({
    ...PARTIAL,
    kind: "PartialObjectMetadataList",
    metadata,
    items: objects.map((object) => ({ ...PARTIAL, metadata: object.metadata })),
  }),
  bookmark: (_, resourceVersion) => ({ ...PARTIAL, metadata: { resourceVersion, creationTimestamp: null } }),
};

/** The first acceptable clause of an Accept header wins. Throws 406 if there is none. `listed`: a list is to be answered. */
export function negotiate(accept: string | undefined, listed: boolean): Representation {
  if (accept === undefined || accept === "") return whole;
  const clauses = accept.split(",").map((clause) => {
    const [type = "", ...parameters] = clause.split(";").map((part) => part.trim());
    return { type, parameters: new Map(parameters.map((parameter) => split(parameter))) };
  });
  const quality = (parameters: ReadonlyMap<string, string>): number => Number(parameters.get("q") ?? 1);
  for (const { type, parameters } of clauses.sort((a, b) => quality(b.parameters) - quality(a.parameters))) {
    if (!["application/json", "application/*", "*/*"].includes(type)) continue;
    const as = parameters.get("as");
    if (as === undefined) return whole;
    const known = parameters.get("g") === "meta.k8s.io" && parameters.get("v") === "v1";
    if (known && as === (listed ? "PartialObjectMetadataList" : "PartialObjectMetadata")) return metadataOnly;
  }
  throw notAcceptable();
}

const split = (parameter: string): [string, string] => {
  const [name = "", ...value] = parameter.split("=");
  return [name, value.join("=")];
};

/** A body that must be a JSON object; undefined when it is not. */
export function parseObject(body: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value as JsonObject) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
