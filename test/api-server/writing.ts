import { randomBytes } from "node:crypto";
import {
  alreadyExists,
  ApiError,
  badRequest,
  conflict,
  invalid,
  invalidValue,
  methodNotAllowed,
  modified,
  namespaceNotFound,
  notFound,
  notModelled,
  unsupportedMediaType,
} from "./api-error.ts";
import { mergePatch } from "./merge-patch.ts";
import { type ApiObject, isObject, type Json, type JsonObject, textAt } from "./objects.ts";
import { parseObject } from "./representation.ts";
import { apiVersion, type Resource } from "./resources.ts";
import { type Store, systemMetadata } from "./store.ts";
import type { Target } from "./target.ts";
import { decodeFailure, sameJson, validateCreate, validateUpdate } from "./validation.ts";

export interface Write {
  readonly store: Store;
  readonly resource: Resource;
  readonly target: Target;
  /** Without parameters; empty when there was none. */
  readonly contentType: string;
  readonly body: string;
  /** `dryRun=All`: all is checked and nothing is written. */
  readonly dryRun: boolean;
}

export function create(write: Write, namespaces: ReadonlySet<string>): ApiObject {
  const { store, resource, target } = write;
  if (write.dryRun) throw notModelled("dryRun of a POST");
  if (target.name !== "" || target.namespace === "") throw methodNotAllowed();
  const draft = decode(write);
  const { namespace } = target;
  checkNamespace(draft, namespace);
  if (!namespaces.has(namespace)) throw namespaceNotFound(namespace);
  if (textAt(draft, "metadata.resourceVersion") !== "") {
    throw new ApiError(500, "", "resourceVersion should not be set on objects to be created");
  }
  const prefix = textAt(draft, "metadata.generateName");
  const name = textAt(draft, "metadata.name") || (prefix && `${prefix}${randomBytes(3).toString("hex").slice(1)}`);
  const object = complete(resource, { ...draft, ...statusOfNew(resource) }, namespace, name);
  const causes = validateCreate(resource, object);
  if (causes.length > 0) throw invalid(resource, name, causes);
  if (store.get(resource.collection, namespace, name) !== undefined) throw alreadyExists(resource, name);
  return store.put(resource.collection, object);
}

const statusOfNew = (resource: Resource): JsonObject =>
  resource.kind === "Pod" ? { status: { phase: "Pending" } } : {};

/** A new object as it is kept, with the metadata that the server gives. */
export function complete(resource: Resource, draft: JsonObject, namespace: string, name: string): ApiObject {
  const kept = isObject(draft["metadata"]) ? draft["metadata"] : {};
  const metadata = { ...kept, ...systemMetadata(), name, namespace, resourceVersion: "" };
  return tidy(resource.keep({ ...draft, apiVersion: apiVersion(resource), kind: resource.kind, metadata }));
}

export function update(write: Write): ApiObject {
  const { resource, target } = write;
  if (resource.kind === "Event") throw notModelled("PUT of events");
  const previous = existing(write);
  const draft = decode(write);
  const uid = textAt(draft, "metadata.uid");
  // A UID in a PUT is a precondition. In a PATCH it is a field that cannot change.
  if (uid !== "" && uid !== previous.metadata.uid) {
    throw conflict(resource, target.name, uidPrecondition(target, uid, previous.metadata.uid));
  }
  return replace(write, previous, draft);
}

const uidPrecondition = ({ plural, namespace, name }: Target, asked: string, found: string): string =>
  `StorageError: invalid object, Code: 4, Key: /registry/${plural}/${namespace}/${name}, ResourceVersion: 0, ` +
  `AdditionalErrorMsg: Precondition failed: UID in precondition: ${asked}, UID in object meta: ${found}`;

const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";

export function patch(write: Write): ApiObject {
  const { resource, contentType, body } = write;
  const known = [
    "application/json-patch+json",
    MERGE,
    ...(resource.builtIn ? [STRATEGIC] : []),
    "application/apply-patch+yaml",
  ];
  if (!known.includes(contentType)) throw unsupportedMediaType(known);
  if (contentType !== MERGE && contentType !== STRATEGIC) throw notModelled(contentType);
  const previous = existing(write);
  const change = parseObject(body);
  if (change === undefined) throw badRequest("error decoding patch: the body is no JSON object");
  if (contentType === STRATEGIC) refuseListMerging(change);
  const patched = mergePatch(resource.serve(previous), change);
  const draft = isObject(patched) ? patched : {};
  const failure = decodeFailure(draft);
  if (failure) throw invalid({ group: "", kind: "" }, "", [invalidValue("patch", JSON.stringify(patched), failure)]);
  return replace(write, previous, draft);
}

/** Strategic patches merge some lists by key and have directives; without both they are merge patches. */
function refuseListMerging(change: Json | undefined): void {
  if (Array.isArray(change)) throw notModelled("lists in a strategic merge patch");
  if (!isObject(change)) return;
  for (const [name, value] of Object.entries(change)) {
    if (name.startsWith("$")) throw notModelled("directives in a strategic merge patch");
    refuseListMerging(value);
  }
}

export function existing({ store, resource, target }: Pick<Write, "store" | "resource" | "target">): ApiObject {
  const found = store.get(resource.collection, target.namespace, target.name);
  if (found === undefined) throw notFound(resource, target.name);
  return found;
}

function replace({ store, resource, target, dryRun }: Write, previous: ApiObject, served: JsonObject): ApiObject {
  const draft = resource.keep(served);
  checkNamespace(draft, target.namespace);
  const name = textAt(draft, "metadata.name");
  if (name !== target.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${target.name})`);
  }
  checkVersion(resource, previous, textAt(draft, "metadata.resourceVersion"));
  const next = settle(resource, target, previous, draft);
  const causes = validateUpdate(resource, next, previous);
  if (causes.length > 0) throw invalid(resource, name, causes);
  if (dryRun) return next;
  // What changes nothing is not written.
  return sameJson(next, previous) ? previous : store.put(resource.collection, next);
}

function checkNamespace(draft: JsonObject, namespace: string): void {
  if (![namespace, ""].includes(textAt(draft, "metadata.namespace"))) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
}

function checkVersion(resource: Resource, previous: ApiObject, version: string): void {
  const { name, resourceVersion } = previous.metadata;
  if (version === resourceVersion) return;
  if (version !== "" && version !== "0") throw modified(resource, name);
  if (!resource.unconditionalUpdate) {
    throw invalid({ group: resource.group, kind: resource.plural }, name, [
      {
        reason: "FieldValueInvalid",
        message: "Invalid value: 0x0: must be specified for an update",
        field: "metadata.resourceVersion",
      },
    ]);
  }
}

/** Undoes what this endpoint does not let a client change. */
function settle(resource: Resource, { subresource }: Target, previous: ApiObject, draft: JsonObject): ApiObject {
  const status = subresource === "status";
  const sent = isObject(draft["metadata"]) ? draft["metadata"] : {};
  const { namespace, name, uid, resourceVersion, creationTimestamp } = previous.metadata;
  const metadata = {
    ...sent,
    namespace,
    name,
    uid: textAt(sent, "uid") || uid,
    resourceVersion,
    creationTimestamp,
    deletionTimestamp: previous.metadata.deletionTimestamp,
    deletionGracePeriodSeconds: previous.metadata.deletionGracePeriodSeconds,
    ...(status && { ownerReferences: previous.metadata["ownerReferences"] }),
  };
  return tidy({
    ...draft,
    ...(status && { spec: previous["spec"] }),
    ...(!status && resource.subresources.includes("status") && { status: previous["status"] }),
    apiVersion: previous.apiVersion,
    kind: previous.kind,
    metadata,
  });
}

/** Leaves out what a Go server would omit as empty. */
function tidy(object: JsonObject): ApiObject {
  const metadata = Object.entries(isObject(object["metadata"]) ? object["metadata"] : {});
  const kept = metadata.filter(
    ([, value]) => value !== undefined && value !== null && !(isObject(value) && Object.keys(value).length === 0),
  );
  // The callers have filled in everything that makes it an ApiObject.
  return { ...object, metadata: Object.fromEntries(kept) } as ApiObject;
}

function decode({ resource, contentType, body }: Write): JsonObject {
  if (contentType !== "" && contentType !== "application/json") throw unsupportedMediaType(["application/json"]);
  const draft = parseObject(body);
  const failure = draft === undefined ? "the body is no JSON object" : decodeFailure(draft);
  if (draft === undefined || failure) {
    const { version, kind } = resource;
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${failure}`);
  }
  const said = textAt(draft, "apiVersion");
  const expected = apiVersion(resource);
  if (said !== "" && said !== expected) {
    throw badRequest(`the API version in the data (${said}) does not match the expected API version (${expected})`);
  }
  return draft;
}
