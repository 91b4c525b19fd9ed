/** The door for CNI calls: what comes over the wire is checked here, once, and leaves as values that carry the proof in their types. */
import * as z from "zod";
import { PlexusError } from "../domain/errors.ts";
import { type IfName, isIfName, isNetnsPath, isSandboxId, type NetnsPath, type SandboxId } from "../domain/ids.ts";
import { mayBeHosts, type NodeSettings, type Origin, parseOrigin } from "../domain/origin.ts";

/** CniRequest as proto-loader delivers it. */
const WireRequest = z.object({
  containerId: z.string(),
  netns: z.string(),
  ifname: z.string(),
  args: z.string(),
  path: z.string(),
  config: z.instanceof(Uint8Array),
  netnsOverride: z.string(),
  requestId: z.string(),
});
export type WireRequest = z.infer<typeof WireRequest>;

/** Configs are some kilobytes; nobody may make the daemon chew on more than this. */
const LARGEST_CONFIG_BYTES = 1 << 20;
const LONGEST_REQUEST_ID = 64;

/** A message of another shape cannot come through proto-loader, so failing here is our bug. */
export function wireRequest(message: unknown): WireRequest {
  return WireRequest.parse(message);
}

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
