import { alreadyExists, methodNotAllowed, notFound, notModelled } from "./api-error.ts";
import { isObject, type JsonObject, textAt } from "./objects.ts";
import { parseObject } from "./representation.ts";
import { qualified, type Resource, RESOURCES } from "./resources.ts";
import { type Store, systemMetadata } from "./store.ts";
import type { Target } from "./target.ts";

export interface ClusterState {
  readonly store: Store;
  readonly namespaces: Set<string>;
  readonly installed: Set<Resource>;
}

type Kind = Pick<Resource, "group" | "plural" | "version">;

const NAMESPACES: Kind = { group: "", version: "v1", plural: "namespaces" };
const CRDS: Kind = { group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions" };

const isOf = ({ group, version, plural }: Target, kind: Kind): boolean =>
  group === kind.group && version === kind.version && plural === kind.plural;

/** Makes and deletes namespaces and CustomResourceDefinitions, at once and with all that is in them. Undefined for anything else. */
export function clusterObject(
  { store, namespaces, installed }: ClusterState,
  target: Target,
  body: string,
): JsonObject | undefined {
  if (isOf(target, NAMESPACES)) {
    return makeOrDelete(NAMESPACES, target, body, {
      has: (name) => namespaces.has(name),
      add: (name) => namespaces.add(name),
      delete: (name) => {
        namespaces.delete(name);
        for (const { collection } of RESOURCES) clear(store, collection, name);
      },
    });
  }
  if (!isOf(target, CRDS)) return undefined;
  const known = (name: string): Resource => {
    const found = RESOURCES.find((resource) => !resource.builtIn && qualified(resource) === name);
    if (found === undefined) throw notModelled(`the CustomResourceDefinition ${name}`);
    return found;
  };
  return makeOrDelete(CRDS, target, body, {
    has: (name) => installed.has(known(name)),
    add: (name) => installed.add(known(name)),
    delete: (name) => {
      clear(store, known(name).collection);
      installed.delete(known(name));
    },
  });
}

interface Names {
  readonly has: (name: string) => boolean;
  readonly add: (name: string) => void;
  readonly delete: (name: string) => void;
}

function makeOrDelete(kind: Kind, { verb, name }: Target, body: string, names: Names): JsonObject {
  if (verb === "create" && name === "") {
    const draft = parseObject(body) ?? {};
    const made = textAt(draft, "metadata.name");
    if (names.has(made)) throw alreadyExists(kind, made);
    names.add(made);
    const metadata = isObject(draft["metadata"]) ? draft["metadata"] : {};
    return { ...draft, metadata: { ...metadata, ...systemMetadata() } };
  }
  if (verb !== "delete") throw methodNotAllowed();
  if (!names.has(name)) throw notFound(kind, name);
  names.delete(name);
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details: { name, kind: kind.plural } };
}

/** Of all namespaces unless one is named. */
function clear(store: Store, collection: string, namespace?: string): void {
  for (const object of store.list(collection)) {
    if (namespace === undefined || object.metadata.namespace === namespace) store.remove(collection, object);
  }
}
