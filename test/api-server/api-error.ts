import type { JsonObject } from "./objects.ts";
import { kindName, qualified, type Resource } from "./resources.ts";

/** A request that failed, with the Status object that says so. Thrown inside the server, never by its functions. */
export class ApiError extends Error {
  readonly code: number;
  readonly status: JsonObject;

  constructor(
    code: number,
    reason: string,
    message: string,
    parts: { details?: JsonObject; metadata?: JsonObject } = {},
  ) {
    super(message);
    this.code = code;
    const { details, metadata = {} } = parts;
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata,
      status: "Failure",
      message,
      ...(reason && { reason }),
      ...(details && { details }),
      code,
    };
  }
}

type Named = Pick<Resource, "group" | "plural">;

const subject = (resource: Named, name: string): JsonObject => ({
  ...(name && { name }),
  ...(resource.group && { group: resource.group }),
  kind: resource.plural,
});

export const badRequest = (message: string): ApiError => new ApiError(400, "BadRequest", message);

export const unauthorized = (): ApiError => new ApiError(401, "Unauthorized", "Unauthorized");

export const notFound = (resource: Named, name: string): ApiError =>
  new ApiError(404, "NotFound", `${qualified(resource)} "${name}" not found`, { details: subject(resource, name) });

export const namespaceNotFound = (name: string): ApiError =>
  new ApiError(404, "NotFound", `namespaces "${name}" not found`, { details: { name, kind: "namespaces" } });

export const methodNotAllowed = (): ApiError =>
  new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");

export const notAcceptable = (): ApiError =>
  new ApiError(406, "NotAcceptable", "only the following media types are accepted: application/json");

export const alreadyExists = (resource: Named, name: string): ApiError =>
  new ApiError(409, "AlreadyExists", `${qualified(resource)} "${name}" already exists`, {
    details: subject(resource, name),
  });

export const conflict = (resource: Resource, name: string, why: string): ApiError =>
  new ApiError(409, "Conflict", `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`, {
    details: subject(resource, name),
  });

export const modified = (resource: Resource, name: string): ApiError =>
  conflict(
    resource,
    name,
    "the object has been modified; please apply your changes to the latest version and try again",
  );

export const expired = (message: string, metadata: JsonObject = {}): ApiError =>
  new ApiError(410, "Expired", message, { metadata });

export const tooLarge = (limit: number): ApiError =>
  new ApiError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${limit}`);

export const unsupportedMediaType = (accepted: readonly string[]): ApiError =>
  new ApiError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );

/** Something that a real server does and this one does not. */
export const notModelled = (what: string): ApiError =>
  new ApiError(501, "NotImplemented", `this server for tests knows nothing of ${what}`);

export const futureRevision = (asked: number, current: number): ApiError =>
  new ApiError(504, "Timeout", `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });

/** What is wrong with one field. */
export interface Cause extends JsonObject {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

const quoted = (value: unknown): string => JSON.stringify(value);

export const invalidValue = (field: string, value: unknown, why: string): Cause => ({
  reason: "FieldValueInvalid",
  message: `Invalid value: ${quoted(value)}: ${why}`,
  field,
});
export const required = (field: string, why = ""): Cause => ({
  reason: "FieldValueRequired",
  message: why ? `Required value: ${why}` : "Required value",
  field,
});
export const tooLong = (field: string, bytes: number): Cause => ({
  reason: "FieldValueTooLong",
  message: `Too long: may not be more than ${bytes} bytes`,
  field,
});
export const forbiddenField = (field: string, why: string): Cause => ({
  reason: "FieldValueForbidden",
  message: `Forbidden: ${why}`,
  field,
});

/** `group` and `kind` are empty when the body could not be read as any kind. */
export function invalid(
  { group, kind }: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly Cause[],
): ApiError {
  const said = causes.map(({ field, message }) => `${field}: ${message}`);
  const all = said.length === 1 ? said.join() : `[${said.join(", ")}]`;
  return new ApiError(422, "Invalid", `${kindName({ group, kind })} "${name}" is invalid: ${all}`, {
    details: { ...(name && { name }), ...(group && { group }), ...(kind && { kind }), causes },
  });
}
