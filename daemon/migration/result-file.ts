/** What libcni remembers of one attachment: `<network>-<container id>-<interface>` in `results` (spec §5.2). */
import * as z from "zod";
import type { SandboxId } from "../domain/ids.ts";
import { decode, goString, goStruct } from "../domain/json/go-json.ts";
import { JsonObject, type JsonText } from "../domain/json/json-object.ts";
import type { LegacyFile } from "./multus-note.ts";
import { decoded } from "./scratch-file.ts";

export interface CachedResult {
  readonly fileName: string;
  /** The result that ADD ended with. All else is unknown where libcni is so old that it kept nothing else. */
  readonly result?: JsonText | undefined;
  readonly ifName?: string | undefined;
  /** The conf or conflist as it was given, without what was chained from a directory. */
  readonly conf?: JsonText | undefined;
  readonly netns?: string | undefined;
  /** The pairs of CNI_ARGS, in their order. */
  readonly cniArgs?: readonly string[] | undefined;
  readonly capabilityArgs?: JsonText | undefined;
}

export const CACHE_KIND = "cniCacheV1";

export function resultFileName(network: string, sandbox: SandboxId, ifName: string): string {
  return `${network}-${sandbox}-${ifName}`;
}

/** Whether that may be a result of this sandbox: what the content says counts, where it says anything. */
export function isResultFileOf(sandbox: SandboxId, { name, text }: LegacyFile): boolean {
  if (!mayBeResultFileOf(sandbox, name)) return false;
  try {
    const { kind, containerId } = decode(Cached, JSON.parse(text), name);
    return kind !== CACHE_KIND || containerId === sandbox;
  } catch {
    return true;
  }
}

/** By its name alone, which is not quite certain: networks may have a `-` in their names. */
export function mayBeResultFileOf(sandbox: SandboxId, name: string): boolean {
  return name.includes(`-${sandbox}-`);
}

const Cached = goStruct({
  kind: goString,
  containerId: goString,
  config: goString,
  ifName: goString,
  netns: goString,
  cniArgs: z.array(z.array(z.string())).optional(),
});

/** @throws PlexusError `decode-failure` */
export function parseResultFile({ name, text }: LegacyFile): CachedResult {
  const object = JsonObject.parse(text, name);
  const { kind, config, ifName, netns, cniArgs } = decode(Cached, JSON.parse(text), name);
  if (kind !== CACHE_KIND) return { fileName: name, result: text };
  return {
    fileName: name,
    result: objectAt(object, "result"),
    ifName,
    conf: config === undefined ? undefined : decoded(config),
    netns,
    cniArgs: cniArgs?.map(([key = "", value = ""]) => `${key}=${value}`),
    capabilityArgs: objectAt(object, "capabilityArgs"),
  };
}

function objectAt(object: JsonObject, key: string): JsonText | undefined {
  const text = object.textFolded(key);
  return text?.startsWith("{") === true ? text : undefined;
}
