import { isCniName } from "./cni-environment.ts";
import { CniCode, cniError, type CniError } from "./cni-error.ts";
import { jsonStringAt, scanJson, type JsonMember } from "./json-scanner.ts";
import { fromUtf8, toUtf8 } from "./utf8.ts";

/** What the shim itself needs to know of the network configuration. */
export interface NetworkConfig {
  readonly cniVersion: string;
  /** Where the daemon listens. */
  readonly socketPath: string;
  /** Where a DEL is left for a daemon that is not there. */
  readonly spoolDir: string;
  /** How long ADD and CHECK wait for a daemon that is not there. */
  readonly waitMs: number;
  /** How long the operation may take in all. */
  readonly timeoutMs: number;
}

export type ConfigReading =
  { readonly kind: "config"; readonly config: NetworkConfig } | { readonly kind: "refused"; readonly error: CniError };

export const SOCKET_NAME = "plexus.sock";
export const DEFAULT_SOCKET_DIR = "/run/plexus";
export const DEFAULT_SPOOL_DIR = "/var/lib/plexus/spool";
export const DEFAULT_WAIT_SECONDS = 60;
export const MAX_WAIT_SECONDS = 600;
export const DEFAULT_TIMEOUT_SECONDS = 240;
export const MIN_TIMEOUT_SECONDS = 0.1;
export const MAX_TIMEOUT_SECONDS = 3600;

/** The most a unix socket address holds, less the final NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Reads the configuration. Code 6 when it is no JSON object, or `name` or `cniVersion` is no string; code 7 when the name is
 * missing or malformed, or a key of our own is wrong (spec §1.1).
 */
export function readNetworkConfig(text: Uint8Array): ConfigReading {
  const scan = scanJson(text);
  if (scan.kind === "invalid") return { kind: "refused", error: undecodable(scan.reason) };
  if (scan.root !== "object") return { kind: "refused", error: undecodable("it is not a JSON object") };

  const keys = new ConfigKeys(text, scan.members);
  const name = keys.text("name", CniCode.decodingFailure);
  const cniVersion = keys.text("cniVersion", CniCode.decodingFailure);
  keys.refuse(nameProblem(name));
  const socketPath = `${keys.directory("daemonSocketDir", DEFAULT_SOCKET_DIR)}/${SOCKET_NAME}`;
  keys.refuse(socketPathProblem(socketPath));
  const spoolDir = keys.directory("daemonSpoolDir", DEFAULT_SPOOL_DIR);
  const wait = keys.seconds("daemonWaitSeconds", 0, MAX_WAIT_SECONDS, DEFAULT_WAIT_SECONDS);
  const timeout = keys.seconds(
    "daemonTimeoutSeconds",
    MIN_TIMEOUT_SECONDS,
    MAX_TIMEOUT_SECONDS,
    DEFAULT_TIMEOUT_SECONDS,
  );
  if (keys.error !== null) return { kind: "refused", error: keys.error };
  return {
    kind: "config",
    config: { cniVersion, socketPath, spoolDir, waitMs: wait * 1000, timeoutMs: timeout * 1000 },
  };
}

/** The top-level members by name. The first problem met is kept in `error`; from then on every value is a default. */
class ConfigKeys {
  error: CniError | null = null;
  private readonly source: Uint8Array;
  private readonly members: readonly JsonMember[];

  constructor(source: Uint8Array, members: readonly JsonMember[]) {
    this.source = source;
    this.members = members;
  }

  refuse(error: CniError | null): void {
    if (this.error === null) this.error = error;
  }

  /** A string, "" when absent. `code` is for any other kind of value. */
  text(key: string, code: number): string {
    const member = this.find(key);
    if (member === null) return "";
    if (member.kind === "string") return jsonStringAt(this.source, member.start, member.end);
    const problem = `"${key}" is not a string`;
    this.refuse(code === CniCode.decodingFailure ? undecodable(problem) : cniError(code, problem, ""));
    return "";
  }

  /** An absolute path, without slashes at its end. */
  directory(key: string, otherwise: string): string {
    const path = this.text(key, CniCode.invalidNetworkConfig);
    if (path === "") return otherwise;
    if (!path.startsWith("/")) this.refuse(unusable(key, "it must be an absolute path"));
    if (path.includes("\0")) this.refuse(unusable(key, "it contains a NUL character"));
    let end = path.length;
    while (end > 1 && path.charAt(end - 1) === "/") end -= 1;
    return path.substring(0, end);
  }

  seconds(key: string, min: number, max: number, otherwise: number): number {
    const member = this.find(key);
    if (member === null) return otherwise;
    const number = member.kind === "number" ? Number(fromUtf8(this.source.subarray(member.start, member.end))) : -1;
    if (number >= min && number <= max) return number;
    this.refuse(invalidConfig(`"${key}" is not a number of seconds from ${min} to ${max}`, ""));
    return otherwise;
  }

  /** As Go reads JSON: an exact match first, otherwise the last that fits in any case; null is as good as absent (spec §0). */
  private find(key: string): JsonMember | null {
    let exact: JsonMember | null = null;
    let similar: JsonMember | null = null;
    for (const member of this.members) {
      if (member.key === key) exact = member;
      else if (isSameInAnyCase(member.key, key)) similar = member;
    }
    const found = exact ?? similar;
    return found === null || found.kind === "null" ? null : found;
  }
}

/** Only ASCII letters have two cases here, and toLowerCase() would bring all of Unicode's tables into the program. */
function isSameInAnyCase(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) {
    if (lowerCase(one.charCodeAt(i)) !== lowerCase(other.charCodeAt(i))) return false;
  }
  return true;
}

function lowerCase(character: number): number {
  return character >= 0x41 && character <= 0x5a ? character + 0x20 : character;
}

function nameProblem(name: string): CniError | null {
  if (name === "") return invalidConfig("missing network name", "");
  return isCniName(name) ? null : invalidConfig("invalid characters found in network name", name);
}

function socketPathProblem(path: string): CniError | null {
  if (toUtf8(path).length <= MAX_SOCKET_PATH_BYTES) return null;
  const most = MAX_SOCKET_PATH_BYTES - SOCKET_NAME.length - 1;
  const reason = `the path of a unix socket is limited, so it may have at most ${most} bytes`;
  return unusable("daemonSocketDir", reason);
}

function unusable(key: string, reason: string): CniError {
  return invalidConfig(`"${key}" cannot be used`, reason);
}

function undecodable(reason: string): CniError {
  return cniError(CniCode.decodingFailure, `error unmarshall network config: ${reason}`, "");
}

function invalidConfig(msg: string, details: string): CniError {
  return cniError(CniCode.invalidNetworkConfig, msg, details);
}
