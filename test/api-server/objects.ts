/** API objects as they are stored and sent. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A member that is undefined is not there. */
export interface JsonObject {
  readonly [member: string]: Json | undefined;
}

export interface Metadata extends JsonObject {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ApiObject extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value at a path like `spec.nodeName`. */
export function at(object: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = object;
  for (const member of path.split(".")) value = isObject(value) ? value[member] : undefined;
  return value;
}

/** As `at`, empty unless there is a string. */
export function textAt(object: JsonObject, path: string): string {
  const value = at(object, path);
  return typeof value === "string" ? value : "";
}
