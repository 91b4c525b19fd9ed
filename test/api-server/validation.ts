import { type Cause, forbiddenField, invalidValue, required, tooLong } from "./api-error.ts";
import { type ApiObject, at, isObject, type Json, type JsonObject, textAt } from "./objects.ts";
import type { Resource } from "./resources.ts";

const ANNOTATIONS_BYTES = 256 * 1024;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED_NAME = /^(?:([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Why a document is not even of the form of an object, as a decoder says it; empty when it is. */
export function decodeFailure(draft: JsonObject): string {
  const metadata = draft["metadata"];
  if (metadata === undefined) return "";
  if (!isObject(metadata)) return mismatch(metadata, "Pod.metadata", "v1.ObjectMeta");
  for (const member of ["name", "namespace", "uid", "resourceVersion", "generateName"]) {
    const value = metadata[member];
    if (value !== undefined && typeof value !== "string")
      return mismatch(value, `ObjectMeta.metadata.${member}`, "string");
  }
  for (const member of ["annotations", "labels"]) {
    const map = metadata[member];
    if (map === undefined) continue;
    const field = `ObjectMeta.metadata.${member}`;
    if (!isObject(map)) return mismatch(map, field, "map[string]string");
    const stranger = Object.values(map).find((value) => typeof value !== "string");
    if (stranger !== undefined) return mismatch(stranger, field, "string");
  }
  return "";
}

const mismatch = (value: Json, field: string, type: string): string => {
  const found = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  return `json: cannot unmarshal ${found === "boolean" ? "bool" : found} into Go struct field ${field} of type ${type}`;
};

/** What is wrong with an object that is to be stored. */
function validateMetadata({ metadata }: ApiObject): readonly Cause[] {
  const causes: Cause[] = [];
  if (metadata.name === "") causes.push(required("metadata.name", "name or generateName is required"));
  else if (!SUBDOMAIN.test(metadata.name) || metadata.name.length > 253) {
    causes.push(invalidValue("metadata.name", metadata.name, "a lowercase RFC 1123 subdomain must consist of [...]"));
  }
  const annotations = Object.entries(metadata.annotations ?? {});
  for (const [name] of annotations) {
    if (!QUALIFIED_NAME.test(name.toLowerCase())) {
      causes.push(
        invalidValue("metadata.annotations", name, "name part must consist of alphanumeric characters, [...]"),
      );
    }
  }
  const bytes = annotations.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  if (bytes > ANNOTATIONS_BYTES) causes.push(tooLong("metadata.annotations", ANNOTATIONS_BYTES));
  return causes;
}

export function validateUpdate(resource: Resource, next: ApiObject, previous: ApiObject): readonly Cause[] {
  const causes = [...validateMetadata(next)];
  if (next.metadata.uid !== previous.metadata.uid) {
    causes.push(invalidValue("metadata.uid", next.metadata.uid, "field is immutable"));
  }
  if (resource.kind === "Pod" && !sameJson(next["spec"], previous["spec"])) {
    causes.push(forbiddenField("spec", "pod updates may not change fields other than [...]"));
  }
  if (resource.group === "events.k8s.io") {
    const changing = new Set(["metadata", "series", "kind", "apiVersion"]);
    const members = new Set([...Object.keys(next), ...Object.keys(previous)]);
    for (const member of members) {
      if (changing.has(member) || sameJson(next[member], previous[member])) continue;
      causes.push(invalidValue(member, next[member], "field is immutable"));
    }
  }
  return causes;
}

export function validateCreate(resource: Resource, object: ApiObject): readonly Cause[] {
  const metadata = validateMetadata(object);
  switch (resource.kind) {
    case "Pod": {
      const containers = at(object, "spec.containers");
      const some = Array.isArray(containers) && containers.length > 0;
      return some ? metadata : [...metadata, required("spec.containers")];
    }
    case "Event":
      return [...metadata, ...validateEvent(resource, object)];
    default: {
      const config = at(object, "spec.config");
      const bad = config !== undefined && typeof config !== "string";
      return bad ? [...metadata, invalidValue("spec.config", config, "must be of type string")] : metadata;
    }
  }
}

/** Events made through events.k8s.io must be of the new form; through core/v1 only those are held to it that have an eventTime. */
function validateEvent(resource: Resource, event: ApiObject): readonly Cause[] {
  const causes: Cause[] = [];
  const { namespace } = event.metadata;
  const involved = textAt(event, "involvedObject.namespace");
  const elsewhere = invalidValue("involvedObject.namespace", involved, "does not match event.namespace");
  if (textAt(event, "eventTime") === "") {
    if (involved === "" ? namespace !== "default" : namespace !== involved) causes.push(elsewhere);
  } else {
    if (involved === "" && !["default", "kube-system"].includes(namespace)) causes.push(elsewhere);
    for (const [member, field] of NEW_FORM) {
      if (textAt(event, member) === "") causes.push(required(field));
      if (Buffer.byteLength(textAt(event, member)) > 128) {
        causes.push(invalidValue(field, "", "can have at most 128 characters"));
      }
    }
    if (Buffer.byteLength(textAt(event, "message")) > 1024) {
      causes.push(invalidValue("message", "", "can have at most 1024 characters"));
    }
  }
  return resource.group === "" ? causes : [...causes, ...validateNewEvent(event)];
}

const NEW_FORM = [
  ["reportingComponent", "reportingController"],
  ["reportingInstance", "reportingInstance"],
  ["action", "action"],
  ["reason", "reason"],
] as const;

function validateNewEvent(event: ApiObject): readonly Cause[] {
  const causes: Cause[] = [];
  if (textAt(event, "eventTime") === "") causes.push(required("eventTime"));
  const type = textAt(event, "type");
  if (type !== "Normal" && type !== "Warning") causes.push(invalidValue("type", "", `has invalid value: ${type}`));
  for (const member of ["firstTimestamp", "lastTimestamp", "count", "source"]) {
    if (event[member]) causes.push(invalidValue(member, "", "needs to be unset"));
  }
  return causes;
}

/** Whether two values are the same, whatever the order of members. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((item: Json) => sorted(item) ?? null);
  if (!isObject(value)) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}
