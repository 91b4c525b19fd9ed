/** The door for hot-plug calls: Multus' JSON over HTTP (spec §7.2), checked once. */
import * as z from "zod";
import { ipFamily, isMac, parseCidr } from "../domain/addresses.ts";
import { parseCniArgs } from "../domain/cni/args.ts";
import { parseConflist } from "../domain/cni/conf.ts";
import type { CniVerb } from "../domain/cni/verb.ts";
import { PlexusError } from "../domain/errors.ts";
import { type IfName, isIfName, isNetnsPath, isSandboxId, type NetnsPath, type SandboxId } from "../domain/ids.ts";
import { decode, goString, goStruct } from "../domain/json/go-json.ts";
import { JsonObject, type JsonText } from "../domain/json/json-object.ts";
import { mayBeHosts, type NodeSettings, searchPath } from "../domain/origin.ts";
import type { HotPlugRequest } from "../operations/verbs/hot-plug.ts";

const WHAT = "the request";

const Body = goStruct({
  env: z.record(z.string(), z.string()).default({}),
  config: z.base64().default(""),
});

const Attributes = goStruct({ ips: z.array(z.string()).optional(), mac: goString });

type Environment = Readonly<Record<string, string>>;

/** Multus knows no GC of one delegate. */
export type DelegateVerb = Exclude<CniVerb, "GC">;

export interface DelegateCall {
  readonly verb: DelegateVerb;
  /** What the caller says they are; for the log. */
  readonly sandbox: string;
  readonly ifName: string;
  /** @throws PlexusError naming what is wrong with it */
  readonly request: () => HotPlugRequest;
}

/** @throws PlexusError `decode-failure`, `invalid-environment` when not even the verb can be read */
export function delegateCall(body: string, node: NodeSettings): DelegateCall {
  const members = JsonObject.parse(body, WHAT);
  const { env: given, config } = decode(Body, JSON.parse(body), WHAT);
  const env = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.trim(), value]));
  return {
    verb: verbOf(env),
    sandbox: env["CNI_CONTAINERID"] ?? "",
    ifName: env["CNI_IFNAME"] ?? "",
    request: () => requestOf(env, confText(config), attributes(members), node),
  };
}

const VERBS: readonly string[] = ["ADD", "DEL", "CHECK", "STATUS"] satisfies readonly DelegateVerb[];

function verbOf(env: Environment): DelegateVerb {
  const verb = env["CNI_COMMAND"];
  if (verb === undefined) {
    throw new PlexusError(
      "invalid-environment",
      "could not extract the CNI command args: unexpected or missing CNI_COMMAND",
    );
  }
  if (isVerb(verb)) return verb;
  throw new PlexusError("invalid-environment", `unknown cmd type: ${verb.slice(0, 20)}`, {
    details: `one of ${VERBS.join(", ")}`,
  });
}

function isVerb(text: string): text is DelegateVerb {
  return VERBS.includes(text);
}

function requestOf(env: Environment, conf: JsonText, { text, parsed }: Given, node: NodeSettings): HotPlugRequest {
  const { ips, mac } = parsed;
  for (const ip of ips ?? []) {
    if (ipFamily(ip) !== undefined || parseCidr(ip) !== undefined) continue;
    throw new PlexusError("invalid-config", `${WHAT}: one of the ips is no IP address`);
  }
  if (mac !== undefined && !isMac(mac)) throw new PlexusError("invalid-config", `${WHAT}: mac is no MAC address`);
  const cniArgs = text.textFolded("cni-args");
  const conflist = parseConflist(conf, "the delegate's config");
  const netnsOverride = env["CNI_NETNS_OVERRIDE"] ?? "";
  return {
    sandbox: sandboxOf(required(env, "CNI_CONTAINERID")),
    ifName: ifNameOf(env["CNI_IFNAME"] ?? "eth0"),
    netns: required(env, "CNI_NETNS"),
    netnsOverride,
    netnsMayBeHosts: mayBeHosts(netnsOverride),
    args: podArgs(required(env, "CNI_ARGS")),
    searchPath: searchPath([node.binDir, ...(env["CNI_PATH"] ?? "").split(":")]),
    source: {
      network: conflist.name,
      conflist,
      selection: { ips, mac, cniArgs: cniArgs === "null" ? undefined : cniArgs },
    },
  };
}

/** Present, if only empty. */
function required(env: Environment, name: string): string {
  const value = env[name];
  if (value !== undefined) return value;
  throw new PlexusError("invalid-environment", `missing ${name}`);
}

function podArgs(text: string) {
  const args = parseCniArgs(text);
  if (args.pod !== undefined && args.pod.namespace !== "") return args;
  throw new PlexusError("invalid-environment", "CNI_ARGS name no pod", {
    details: "K8S_POD_NAMESPACE and K8S_POD_NAME are needed",
  });
}

function sandboxOf(text: string): SandboxId {
  if (isSandboxId(text)) return text;
  throw new PlexusError("invalid-environment", "CNI_CONTAINERID is not a container id");
}

function ifNameOf(text: string): IfName {
  if (isIfName(text)) return text;
  throw new PlexusError("invalid-environment", "CNI_IFNAME is not an interface name", {
    details: "1 to 15 bytes, not . or .., no /, : or blanks",
  });
}

/** @throws PlexusError `invalid-environment` */
export function netnsOf({ netns }: HotPlugRequest): NetnsPath {
  if (isNetnsPath(netns)) return netns;
  throw new PlexusError("invalid-environment", "CNI_NETNS is not an absolute path");
}

function confText(config: string): JsonText {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(config, "base64"));
  } catch (cause) {
    throw new PlexusError("decode-failure", "the delegate's config is not UTF-8", { cause });
  }
}

interface Given {
  /** With the texts that go on to plugins as they are. */
  readonly text: JsonObject;
  readonly parsed: z.output<typeof Attributes>;
}

function attributes(members: JsonObject): Given {
  const given = members.textFolded("interfaceAttributes") ?? "null";
  const text = given === "null" ? JsonObject.empty : JsonObject.parse(given, `${WHAT}: interfaceAttributes`);
  return { text, parsed: decode(Attributes, JSON.parse(text.toString()), `${WHAT}: interfaceAttributes`) };
}
