/** Decides, before anything is run, which networks a sandbox gets, as which interfaces, with what. */
import type { CniArgs, CniArgsPair } from "./cni/args.ts";
import { changePlugins, type Conflist } from "./cni/conf.ts";
import type { DelegateSource, DelegateSources } from "./delegate-source.ts";
import type { Dialect, Placed, RuntimeConf } from "./dialect/dialect.ts";
import { npwg } from "./dialect/npwg.ts";
import { separateFlannels } from "./flannel.ts";
import type { IfName } from "./ids.ts";
import { JsonObject, type JsonText } from "./json/json-object.ts";
import type { RecordedDevice } from "./sandbox-record.ts";
import type { AttachmentOptions } from "./selection.ts";

/** One network on one sandbox as one interface, ready to be made. */
export interface PlannedAttachment {
  readonly ifName: IfName;
  /** `<namespace>/<name>` of its NAD, or the conf's own name. */
  readonly network: string;
  /** The pod's default network: its result is the one the runtime sees. */
  readonly primary: boolean;
  readonly conflist: Conflist;
  readonly capabilityArgs: JsonObject;
  /** The one that its plugins are told of, if any. */
  readonly device?: RecordedDevice | undefined;
  /** The gateways that are to become the pod's default ones, by way of this interface; an empty list leaves the pod without any. */
  readonly defaultRoute: readonly string[] | undefined;
  /** CNI_ARGS for every verb. */
  readonly cniArgs: string;
  /** CNI_ARGS for ADD, which also carries the MAC and the addresses that were asked for (spec §1.2). */
  readonly addCniArgs: string;
}

export interface PlanInput {
  /** Whose rules the pod follows. */
  readonly dialect: Dialect;
  readonly netConf: RuntimeConf;
  readonly args: CniArgs;
  /** CNI_IFNAME. */
  readonly ifName: IfName;
  readonly sources: DelegateSources;
}

/** The attachments in the order in which they are to be made. @throws PlexusError; nothing has been run then. */
export function planAttachments({ sources, ifName, ...rest }: PlanInput): readonly PlannedAttachment[] {
  const planned = rest.dialect.place(sources, ifName).map((placed) => planOne(rest, placed));
  const conflists = separateFlannels(
    planned.map(({ conflist }) => conflist),
    (index) => planned[index]?.ifName ?? ifName,
  );
  return planned.map((plan, index) => ({ ...plan, conflist: conflists[index] ?? plan.conflist }));
}

/** A network that joins a sandbox later, as this interface. */
export function planOneMore(source: DelegateSource, args: CniArgs, ifName: IfName): PlannedAttachment {
  const netConf = { runtimeConfig: JsonObject.empty, inheritRuntimeConfig: false };
  return planOne({ dialect: npwg, netConf, args }, { source, ifName, primary: false });
}

function planOne(
  { dialect, netConf, args }: Pick<PlanInput, "dialect" | "netConf" | "args">,
  { source, ifName, primary }: Placed,
): PlannedAttachment {
  const { network, selection, conflist } = source;
  const capabilityArgs = dialect.capabilityArgs(netConf, source, primary);
  return {
    ifName,
    network,
    primary,
    conflist: conflistOf(source),
    capabilityArgs,
    device: deviceOf(source, capabilityArgs),
    defaultRoute: selection?.defaultRoute,
    cniArgs: dialect.cniArgs(args, []),
    addCniArgs: dialect.cniArgs(args, legacyArgs(conflist, selection)),
  };
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
    return conf.with("args", args.with("cni", cni.withAll(wanted.entries()).toString()).toString());
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

/** One that was set apart for it, else one that the pod or the runtime named. */
function deviceOf(
  { resourceName = "", deviceId }: DelegateSource,
  capabilityArgs: JsonObject,
): RecordedDevice | undefined {
  if (deviceId !== undefined) return { resource: resourceName, id: deviceId };
  const named = capabilityArgs.get("deviceID");
  return typeof named === "string" && named !== "" ? { resource: "", id: named } : undefined;
}

/**
 * A plugin that declares the capability `ips` is told the addresses by that. It need not know `IP`, which in libcni's CNI_ARGS is one address:
 * two of them are an error there (issue 11, dual stack).
 */
function legacyArgs({ plugins }: Conflist, selection: AttachmentOptions | undefined): readonly CniArgsPair[] {
  const knowsIps = plugins.some(({ capabilities }) => capabilities.has("ips"));
  return [
    ...(selection?.mac === undefined ? [] : [["MAC", selection.mac] as const]),
    ...(selection?.ips === undefined || knowsIps ? [] : [["IP", selection.ips.join(",")] as const]),
  ];
}
