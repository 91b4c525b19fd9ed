import { expect } from "vitest";
import { parseConflist } from "../../daemon/domain/cni/conf.ts";
import {
  type BootId,
  type IfName,
  isBootId,
  isIfName,
  isNetnsIdentity,
  isNetnsPath,
  isNetworkName,
  isSandboxId,
  type NetnsIdentity,
  type NetnsPath,
  type NetworkName,
  type SandboxId,
} from "../../daemon/domain/ids.ts";
import { JsonObject } from "../../daemon/domain/json/json-object.ts";
import { type RecordedAttachment, recordedResult, type SandboxRecord } from "../../daemon/domain/sandbox-record.ts";

export function sandboxId(text: string): SandboxId {
  return isSandboxId(text) ? text : expect.fail(`${text} is no container id`);
}

export function ifName(text: string): IfName {
  return isIfName(text) ? text : expect.fail(`${text} is no interface name`);
}

export function netnsPath(text: string): NetnsPath {
  return isNetnsPath(text) ? text : expect.fail(`${text} is no path of a network namespace`);
}

export function netnsIdentity(text: string): NetnsIdentity {
  return isNetnsIdentity(text) ? text : expect.fail(`${text} is no identity of a network namespace`);
}

export function bootId(text: string): BootId {
  return isBootId(text) ? text : expect.fail(`${text} is no boot id`);
}

export function networkName(text: string): NetworkName {
  return isNetworkName(text) ? text : expect.fail(`${text} is no network name`);
}

/** The parts of an attachment that are JSON, as texts. */
interface Texts {
  readonly conflist?: string;
  readonly capabilityArgs?: string;
  readonly result?: string | undefined;
}

const TEXTS = {
  conflist:
    '{ "name": "blue",\n  "limit": 12345678901234567890, "limit": 1.0,  "plugins": [ {"type":"bridge", "mtu":1e3} ] }',
  capabilityArgs: '{"mac":"\\u0030a"}',
  result: '{"cniVersion":"1.0.0", "x": 1e2}',
};

/** An attachment whose JSON has what a parse and a print would change: blanks, an exact number, a repeated key, an escape. */
export function attachment(parts: Partial<Omit<RecordedAttachment, keyof Texts>> & Texts = {}): RecordedAttachment {
  const { conflist: conf, capabilityArgs, result, ...rest } = { ...TEXTS, ...parts };
  const conflist = parseConflist(conf, "the sample");
  return {
    owner: ifName("eth0"),
    confName: networkName("plexus"),
    ifName: ifName("net1"),
    network: "shop/blue",
    primary: false,
    state: "attached",
    conflist,
    capabilityArgs: JsonObject.parse(capabilityArgs, "the sample"),
    cniArgs: "IgnoreUnknown=1",
    since: 1_700_000_000_000,
    ...(result !== undefined && { result: recordedResult(result, conflist.version) }),
    ...rest,
  };
}

/** A record with its JSON as texts, for comparisons: the members of a JsonObject are private. */
export function plain(record: SandboxRecord | undefined) {
  return (
    record && {
      ...record,
      attachments: record.attachments.map(({ conflist, capabilityArgs, result, ...rest }) => ({
        ...rest,
        conflist: conflist.text,
        capabilityArgs: capabilityArgs.toString(),
        result: result?.text,
      })),
    }
  );
}

export function recordOf(sandbox: SandboxId, parts: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    sandbox,
    dialect: "npwg",
    pod: { namespace: "shop", name: "web", uid: "uid-1" },
    netns: netnsPath("/run/netns/pod"),
    searchPath: ["/opt/cni/bin"],
    netnsOverride: "",
    createdAt: 1_700_000_000_000,
    attachments: [attachment()],
    ...parts,
  };
}
