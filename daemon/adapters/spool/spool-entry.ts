/** The files that the executable leaves, see shim/core/del-spool.ts: one per container and interface, a name that starts with a dot while unfinished. */
import * as z from "zod";
import { isIfName, isSandboxId } from "../../domain/ids.ts";
import { JsonObject } from "../../domain/json/json-object.ts";
import type { SpooledDel } from "../../ports/spool.ts";

export type EntryReading =
  | { readonly kind: "entry"; readonly entry: SpooledDel }
  | { readonly kind: "newer"; readonly version: number }
  | { readonly kind: "unusable"; readonly why: string };

const VERSION = 1;
const SUFFIX = ".json";

export function isEntryName(name: string): boolean {
  return name.endsWith(SUFFIX) && !isUnfinishedName(name);
}

export function isUnfinishedName(name: string): boolean {
  return name.startsWith(".");
}

/** The file of the DEL of a container and interface. */
export function entryName(containerId: string, ifName: string): string {
  return `${containerId}@${ifName}${SUFFIX}`;
}

/** The file of an entry. The id also says which DEL it is, as a later one takes the same file; neither has blanks in it. */
export function nameInId(id: string): string {
  return id.split(" ")[0] ?? "";
}

export function readEntry(name: string, text: string): EntryReading {
  const value = parsed(text);
  const version = Versioned.safeParse(value).data?.version;
  if (version !== undefined && version > VERSION) return { kind: "newer", version };
  const { data, error } = Entry.safeParse(value);
  if (data === undefined) return { kind: "unusable", why: z.prettifyError(error).replaceAll(/\s+/g, " ") };
  const { at, containerId, ifName, netns, netnsOverride, args, path } = data;
  if (name !== entryName(containerId, ifName)) {
    return { kind: "unusable", why: `it is of ${containerId} and ${ifName}` };
  }
  const conf = JsonObject.parse(text, name).text("conf") ?? "{}";
  const entry = { id: `${name} ${at}`, at, containerId, ifName, netns, netnsOverride, args, path, conf };
  return { kind: "entry", entry };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const Versioned = z.object({ version: z.int() });

const Entry = z.object({
  version: z.literal(VERSION),
  at: z.int(),
  containerId: z.string().refine(isSandboxId, "not a container id"),
  ifName: z.string().refine(isIfName, "not an interface name"),
  netns: z.string(),
  netnsOverride: z.string(),
  args: z.string(),
  path: z.string(),
  conf: z.record(z.string(), z.unknown()),
});
