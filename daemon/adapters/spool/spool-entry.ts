/**
 * The files that the shim leaves (shim/core/del-spool.ts): for each container and interface an entry, whose name starts with a dot
 * while it is unfinished, and beside it, perhaps, a file on which the shim mounted the network namespace.
 */
import { join } from "node:path";
import * as z from "zod";
import { type BootId, isBootId, isIfName, isNetnsIdentity, isNetnsPath, isSandboxId } from "../../domain/ids.ts";
import { JsonObject } from "../../domain/json/json-object.ts";
import type { SpooledDel, SpooledNetns } from "../../ports/spool.ts";

export type EntryReading =
  | { readonly kind: "entry"; readonly entry: SpooledDel }
  | { readonly kind: "newer"; readonly version: number }
  | { readonly kind: "unusable"; readonly why: string };

const VERSION = 1;
const SUFFIX = ".json";
const NETNS_SUFFIX = ".netns";

export function isEntryName(name: string): boolean {
  return name.endsWith(SUFFIX) && !isUnfinishedName(name);
}

export function isUnfinishedName(name: string): boolean {
  return name.startsWith(".");
}

export function isNetnsName(name: string): boolean {
  return name.endsWith(NETNS_SUFFIX) && !isUnfinishedName(name);
}

/** The entry beside which the shim mounted a namespace. */
export function entryOfNetns(name: string): string {
  return name.slice(0, -NETNS_SUFFIX.length) + SUFFIX;
}

/** Where the shim mounts the namespace of an entry. */
export function netnsOfEntry(name: string): string {
  return name.slice(0, -SUFFIX.length) + NETNS_SUFFIX;
}

/** The file of the DEL of a container and interface. */
export function entryName(containerId: string, ifName: string): string {
  return `${containerId}@${ifName}${SUFFIX}`;
}

/** The file of an entry. The id also says which DEL it is, as a later one takes the same file; neither has blanks in it. */
export function nameInId(id: string): string {
  return id.split(" ")[0] ?? "";
}

/** @param bootId of the kernel that runs now */
export function readEntry(directory: string, name: string, text: string, bootId: BootId): EntryReading {
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
  const spooledNetns = netnsOf(data, join(directory, netnsOfEntry(name)), bootId);
  const entry = { id: `${name} ${at}`, at, containerId, ifName, netns, netnsOverride, args, path, conf };
  return { kind: "entry", entry: { ...entry, ...(spooledNetns && { spooledNetns }) } };
}

function netnsOf(data: z.infer<typeof Entry>, keptAt: string, now: BootId): SpooledNetns | undefined {
  const { netnsIdentity: identity, bootId, netnsKept } = data;
  if (!isNetnsIdentity(identity) || !isBootId(bootId)) return undefined;
  // A boot ends mounts; the file under one stays.
  const isKept = netnsKept && bootId === now && isNetnsPath(keptAt);
  return { identity, bootId, ...(isKept && { keptAt }) };
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
  netnsIdentity: z.string().default(""),
  netnsKept: z.boolean().default(false),
  bootId: z.string().default(""),
  netnsOverride: z.string(),
  args: z.string(),
  path: z.string(),
  conf: z.record(z.string(), z.unknown()),
});
