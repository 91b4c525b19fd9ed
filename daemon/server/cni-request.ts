/** Checks CNI calls once, as they arrive, and turns them into values whose types carry the proof. */
import { PlexusError } from "../domain/errors.ts";
import { type IfName, isIfName, isNetnsPath, isSandboxId, type NetnsPath, type SandboxId } from "../domain/ids.ts";
import { mayBeHosts, type NodeSettings, type Origin, parseOrigin } from "../domain/origin.ts";

/** CniRequest of proto/plexus/v1/cni.proto. */
export interface WireRequest {
  readonly containerId: string;
  readonly netns: string;
  readonly ifname: string;
  readonly args: string;
  readonly path: string;
  readonly config: Uint8Array;
  readonly netnsOverride: string;
  readonly requestId: string;
}

/** Configs are some kilobytes; nobody may make the daemon chew on more than this. */
const LARGEST_CONFIG_BYTES = 1 << 20;
const LONGEST_REQUEST_ID = 64;

/** What the caller calls this request in the log, or nothing fit to be written there. */
export function requestIdOf(wire: WireRequest): string | undefined {
  const { requestId } = wire;
  return requestId.length <= LONGEST_REQUEST_ID && /^[\x21-\x7e]+$/.test(requestId) ? requestId : undefined;
}

export interface CniRequest extends Origin {
  readonly netns: string;
  readonly netnsMayBeHosts: boolean;
}

/** @throws PlexusError `invalid-environment`, `decode-failure`, `invalid-config`, `incompatible-version` */
export function cniRequest(wire: WireRequest, node: NodeSettings): CniRequest {
  if (wire.config.length > LARGEST_CONFIG_BYTES) {
    throw new PlexusError("decode-failure", `the network config on stdin is larger than ${LARGEST_CONFIG_BYTES} bytes`);
  }
  const { netns, netnsOverride } = wire;
  return {
    ...parseOrigin({ ...wire, conf: utf8(wire.config) }, node),
    netns,
    netnsMayBeHosts: mayBeHosts(netnsOverride),
  };
}

export function requiredSandbox({ containerId }: WireRequest): SandboxId {
  if (containerId === "") throw new PlexusError("unknown-container", "missing containerID");
  if (isSandboxId(containerId)) return containerId;
  throw new PlexusError("invalid-environment", "invalid characters in containerID, or more than 200", {
    details: containerId.slice(0, 200),
  });
}

export function requiredIfName({ ifname }: WireRequest): IfName {
  if (isIfName(ifname)) return ifname;
  throw new PlexusError("invalid-environment", "CNI_IFNAME is not an interface name", {
    details: "1 to 15 bytes, not . or .., no /, : or blanks",
  });
}

export function requiredNetns({ netns }: WireRequest): NetnsPath {
  if (isNetnsPath(netns)) return netns;
  throw new PlexusError("invalid-environment", "CNI_NETNS is not an absolute path");
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PlexusError("decode-failure", "the network config on stdin is not UTF-8", { cause });
  }
}
