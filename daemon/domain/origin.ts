/** What a call says of a sandbox beside its ids: read the same way whether it comes in now or waited in the spool. */
import { type CniArgs, parseCniArgs } from "./cni/args.ts";
import type { JsonObject, JsonText } from "./json/json-object.ts";
import { type NetConf, parseNetConf } from "./netconf.ts";

/** What the daemon's own config says of every request. */
export interface NodeSettings {
  readonly binDir: string;
  /** Keys of the network config that win over what the runtime gives. */
  readonly overlay: JsonObject;
}

export interface Origin {
  readonly netConf: NetConf;
  readonly args: CniArgs;
  /** Absolute directories, each once: binDir first, then CNI_PATH (delegates B.3); the other way round where TKE's rules hold. */
  readonly searchPath: readonly string[];
  /** CNI_NETNS_OVERRIDE as given. */
  readonly netnsOverride: string;
}

/** The call in its own words: standard input, CNI_ARGS, CNI_PATH, CNI_NETNS_OVERRIDE. */
export interface OriginTexts {
  readonly conf: JsonText;
  readonly args: string;
  readonly path: string;
  readonly netnsOverride: string;
}

/** @throws PlexusError `invalid-environment`, `decode-failure`, `invalid-config`, `incompatible-version` */
export function parseOrigin(
  { conf, args, path, netnsOverride }: OriginTexts,
  { binDir, overlay }: NodeSettings,
): Origin {
  const netConf = parseNetConf(conf, overlay);
  const own = [netConf.binDir ?? binDir];
  const given = path.split(":");
  const directories = netConf.dialect === "tke" ? [...given, ...own] : [...own, ...given];
  return { netConf, args: parseCniArgs(args), searchPath: searchPath(directories), netnsOverride };
}

/** Whether CNI_NETNS_OVERRIDE allows the host's own network namespace. */
export function mayBeHosts(netnsOverride: string): boolean {
  return ["1", "true"].includes(netnsOverride.toLowerCase());
}

export function searchPath(directories: readonly string[]): readonly string[] {
  return [...new Set(directories.filter((directory) => directory.startsWith("/")))];
}
