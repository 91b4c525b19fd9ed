/**
 * Reading other people's JSON the way the rest of the CNI world does, with Go's encoding/json (spec §0): keys match in any case,
 * `null` is as good as absent, unknown keys are let through, a wrong type refuses the whole document.
 */
import * as z from "zod";
import { PlexusError } from "../errors.ts";
import { isPlainObject } from "./json-object.ts";

const MOST_PROBLEMS_TOLD = 3;

/** An object with these fields. */
export function goStruct<Shape extends z.ZodRawShape>(shape: Shape) {
  const pickFields = (value: unknown): unknown => {
    if (!isPlainObject(value)) return value;
    const members = Object.keys(shape).map((field) => [field, value[keyOf(field, value)]] as const);
    return Object.fromEntries(members.filter(([, member]) => member !== undefined && member !== null));
  };
  return z.preprocess(pickFields, z.object(shape));
}

/** A string; in Go an empty one is as good as none. */
export const goString = z
  .string()
  .transform((text) => (text === "" ? undefined : text))
  .optional();

/** @throws PlexusError `decode-failure` that names the paths and what was expected there, never what was found. */
export function decode<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const outcome = schema.safeParse(value);
  if (outcome.success) return outcome.data;
  const problems = outcome.error.issues.slice(0, MOST_PROBLEMS_TOLD).map(({ path, message }) => {
    return path.length === 0 ? message : `${z.core.toDotPath(path)}: ${message}`;
  });
  throw new PlexusError("decode-failure", `${what}: ${problems.join("; ")}`);
}

/** The key that a field is read from: the exact one, otherwise the last that fits, as in JsonObject.textFolded. */
function keyOf(field: string, object: Readonly<Record<string, unknown>>): string {
  if (Object.hasOwn(object, field)) return field;
  const folded = field.toLowerCase();
  return Object.keys(object).findLast((key) => key.toLowerCase() === folded) ?? field;
}
