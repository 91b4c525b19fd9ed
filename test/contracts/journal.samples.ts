import { expect } from "vitest";
import {
  type IfName,
  isIfName,
  isNetnsPath,
  isNetworkName,
  isSandboxId,
  type NetnsPath,
  type NetworkName,
  type SandboxId,
} from "../../daemon/domain/ids.ts";
import type { RecordedAttachment, SandboxRecord } from "../../daemon/domain/sandbox-record.ts";

export function sandboxId(text: string): SandboxId {
  return isSandboxId(text) ? text : expect.fail(`${text} is no container id`);
}

export function ifName(text: string): IfName {
  return isIfName(text) ? text : expect.fail(`${text} is no interface name`);
}

export function netnsPath(text: string): NetnsPath {
  return isNetnsPath(text) ? text : expect.fail(`${text} is no path of a network namespace`);
}

export function networkName(text: string): NetworkName {
  return isNetworkName(text) ? text : expect.fail(`${text} is no network name`);
}

/** An attachment whose JSON has what a parse and a print would change: blanks, an exact number, a repeated key, an escape. */
export function attachment(parts: Partial<RecordedAttachment> = {}): RecordedAttachment {
  return {
    owner: ifName("eth0"),
    confName: networkName("plexus"),
    ifName: ifName("net1"),
    network: "shop/blue",
    primary: false,
    state: "attached",
    conflist: '{ "name": "blue",\n  "limit": 12345678901234567890, "limit": 1.0,  "plugins": [] }',
    capabilityArgs: '{"mac":"\\u0030a"}',
    cniArgs: "IgnoreUnknown=1",
    result: '{"cniVersion":"1.0.0", "x": 1e2}',
    ...parts,
  };
}

export function recordOf(sandbox: SandboxId, parts: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    sandbox,
    pod: { namespace: "shop", name: "web", uid: "uid-1" },
    netns: netnsPath("/run/netns/pod"),
    searchPath: ["/opt/cni/bin"],
    netnsOverride: "",
    createdAt: 1_700_000_000_000,
    attachments: [attachment()],
    ...parts,
  };
}
