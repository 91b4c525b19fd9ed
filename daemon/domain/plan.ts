/** Decides, before anything is run, which networks a sandbox gets, as which interfaces, with what. */
import { delegateCniArgs, type CniArgs } from "./cni/args.ts";
import { changePlugins, type Conflist } from "./cni/conf.ts";
import type { DelegateSource, DelegateSources } from "./delegate-source.ts";
import { PlexusError } from "./errors.ts";
import { separateFlannels } from "./flannel.ts";
import { type IfName, isIfName } from "./ids.ts";
import { JsonObject, type JsonText } from "./json/json-object.ts";
import type { NetConf } from "./netconf.ts";
import type { Selection } from "./selection.ts";

/** One network on one sandbox as one interface, ready to be made. */
export interface PlannedAttachment {
  readonly ifName: IfName;
  /** `<namespace>/<name>` of its NAD, or the conf's own name. */
  readonly network: string;
  /** The pod's default network: its result is the one the runtime sees. */
  readonly primary: boolean;
  readonly conflist: Conflist;
  readonly capabilityArgs: JsonObject;
  /** The gateways that are to become the pod's default ones, by way of this interface; an empty list leaves the pod without any. */
  readonly defaultRoute: readonly string[] | undefined;
  /** CNI_ARGS for every verb. */
  readonly cniArgs: string;
  /** CNI_ARGS for ADD, which also carries the MAC and the addresses that were asked for (spec §1.2). */
  readonly addCniArgs: string;
}

export interface PlanInput {
  readonly netConf: Pick<NetConf, "runtimeConfig" | "inheritRuntimeConfig">;
  readonly args: CniArgs;
  /** CNI_IFNAME. */
  readonly ifName: IfName;
  readonly sources: DelegateSources;
}

/** What the runtime asks of the pod's one interface; another network must not repeat it. */
const PRIMARY_ONLY: ReadonlySet<string> = new Set(["ips", "mac", "infinibandGUID", "deviceID", "CNIDeviceInfoFile"]);

/** These Multus repeats for every network, so that a pod's host ports are mapped twice (delegates B.2); we do when asked to. */
const INHERITABLE: ReadonlySet<string> = new Set(["portMappings", "bandwidth"]);

/** The attachments in the order in which they are to be made. @throws PlexusError; nothing has been run then. */
export function planAttachments({ netConf, args, ifName, sources }: PlanInput): readonly PlannedAttachment[] {
  const conflists = separateFlannels(sources.map(conflistOf), (index) => interfaceName(sources[index], index, ifName));
  const planned = sources.map((source, index): PlannedAttachment => {
    const { selection } = source;
    const primary = index === 0;
    return {
      ifName: interfaceName(source, index, ifName),
      network: source.network,
      primary,
      conflist: conflists[index] ?? source.conflist,
      capabilityArgs: primary ? netConf.runtimeConfig : secondaryCapabilities(netConf, source),
      defaultRoute: selection?.defaultRoute,
      cniArgs: delegateCniArgs(args, []),
      addCniArgs: delegateCniArgs(args, legacyArgs(selection)),
    };
  });
  refuseClashes(planned);
  return planned;
}

/** The index counts over all networks, so the first beside the default one is net1 even if an earlier one has a name of its own (spec §1.2). */
function interfaceName(source: DelegateSource | undefined, index: number, primary: IfName): IfName {
  const requested = source?.selection?.interface;
  if (requested !== undefined) return requested;
  const name = index === 0 ? primary : `net${index}`;
  if (!isIfName(name)) throw new PlexusError("internal", `interface name ${name} is not valid`);
  return name;
}

function conflistOf({ network, conflist, selection, deviceId }: DelegateSource): Conflist {
  const told = selection?.cniArgs === undefined ? conflist : withCniArgs(conflist, selection.cniArgs, network);
  return deviceId === undefined ? told : withDevice(told, deviceId);
}

/** Merges the selection's `cni-args` into `args.cni` of every plugin, one level deep (spec §4.4). */
function withCniArgs(conflist: Conflist, cniArgs: JsonText, network: string): Conflist {
  const wanted = JsonObject.parse(cniArgs, `cni-args of network "${network}"`);
  return changePlugins(conflist, ({ conf }) => {
    const args = objectAt(conf, "args", network);
    const cni = objectAt(args, "cni", network);
    const merged = [...wanted.entries()].reduce((all, [key, text]) => all.with(key, text), cni);
    return conf.with("args", args.with("cni", merged.toString()).toString());
  });
}

/** Every plugin is told of the device under both names that plugins look for, over what its conf says (spec §4.4). */
function withDevice(conflist: Conflist, deviceId: string): Conflist {
  const id = JSON.stringify(deviceId);
  return changePlugins(conflist, ({ conf }) => conf.with("deviceID", id).with("pciBusID", id));
}

function objectAt(conf: JsonObject, key: string, network: string): JsonObject {
  const text = conf.text(key);
  return text === undefined || text === "null"
    ? JsonObject.empty
    : JsonObject.parse(text, `${key} in the config of network "${network}"`);
}

/** What the runtime says to all, and over it what the pod asks of this network (spec §4.8). The primary's is the runtime's alone. */
function secondaryCapabilities(
  { runtimeConfig, inheritRuntimeConfig }: PlanInput["netConf"],
  { selection, deviceId }: DelegateSource,
): JsonObject {
  const isShared = (name: string): boolean =>
    !PRIMARY_ONLY.has(name) && (inheritRuntimeConfig || !INHERITABLE.has(name));
  const shared = JsonObject.of([...runtimeConfig.entries()].filter(([name]) => isShared(name)));
  const requested: readonly (readonly [string, unknown])[] = [
    ["portMappings", selection?.portMappings],
    ["bandwidth", selection?.bandwidth],
    ["ips", selection?.ips],
    ["mac", selection?.mac],
    ["infinibandGUID", selection?.infinibandGuid],
    ["deviceID", deviceId ?? selection?.deviceId],
  ];
  return requested
    .filter(([, value]) => value !== undefined)
    .reduce((args, [name, value]) => args.with(name, JSON.stringify(value)), shared);
}

function legacyArgs(selection: Selection | undefined): readonly (readonly [string, string])[] {
  return [
    ...(selection?.mac === undefined ? [] : [["MAC", selection.mac] as const]),
    ...(selection?.ips === undefined ? [] : [["IP", selection.ips.join(",")] as const]),
  ];
}

function refuseClashes(planned: readonly PlannedAttachment[]): void {
  const owners = new Map<IfName, string>();
  for (const { ifName, network } of planned) {
    const other = owners.get(ifName);
    if (other !== undefined) {
      throw new PlexusError(
        "interface-conflict",
        `networks "${other}" and "${network}" both ask for interface ${ifName}`,
        {
          details: "give one of them another interface name in the pod's networks annotation",
        },
      );
    }
    owners.set(ifName, network);
  }
}
