/** Decides, before anything is run, which networks a sandbox gets, as which interfaces, with what. */
import { delegateCniArgs, type CniArgs } from "./cni/args.ts";
import { type Conflist, parseConflist } from "./cni/conf.ts";
import { PlexusError } from "./errors.ts";
import { type IfName, isIfName } from "./ids.ts";
import { JsonObject, type JsonText } from "./json/json-object.ts";
import type { NetConf } from "./netconf.ts";
import type { NetworkDefinition } from "./network-definition.ts";
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
  /** CNI_ARGS for every verb. */
  readonly cniArgs: string;
  /** CNI_ARGS for ADD, which also carries the MAC and the addresses that were asked for (spec §1.2). */
  readonly addCniArgs: string;
}

/** A selection together with what it names. */
export interface ResolvedSelection {
  readonly selection: Selection;
  readonly definition: NetworkDefinition;
}

export interface PlanInput {
  readonly netConf: NetConf;
  readonly args: CniArgs;
  /** CNI_IFNAME. */
  readonly ifName: IfName;
  readonly selections: readonly ResolvedSelection[];
}

/** What the runtime asks of the pod's one interface; another network must not repeat it (delegates B.2). */
const PRIMARY_ONLY: ReadonlySet<string> = new Set([
  "portMappings",
  "bandwidth",
  "ips",
  "mac",
  "infinibandGUID",
  "deviceID",
  "CNIDeviceInfoFile",
]);

/** The attachments in the order in which they are to be made. @throws PlexusError; nothing has been run then. */
export function planAttachments(input: PlanInput): readonly PlannedAttachment[] {
  const { netConf, args, selections } = input;
  const inline = inlineConflists(netConf);
  const planned = [
    ...inline.map((conflist, index) => ({
      ifName: interfaceName(undefined, index, input.ifName),
      network: conflist.name as string,
      primary: index === 0,
      conflist,
      capabilityArgs: index === 0 ? netConf.runtimeConfig : forSecondary(netConf.runtimeConfig),
      cniArgs: delegateCniArgs(args, []),
      addCniArgs: delegateCniArgs(args, []),
    })),
    ...selections.map(({ selection, definition }, index) => ({
      ifName: interfaceName(selection.interface, inline.length + index, input.ifName),
      network: `${definition.namespace}/${definition.name}`,
      primary: false,
      conflist: conflistOf(selection, definition),
      capabilityArgs: requestedCapabilities(forSecondary(netConf.runtimeConfig), selection),
      cniArgs: delegateCniArgs(args, []),
      addCniArgs: delegateCniArgs(args, legacyArgs(selection)),
    })),
  ];
  refuseClashes(planned);
  return planned;
}

/** The delegates written into the runtime's own config; the first is the default network. */
export function inlineConflists(netConf: NetConf): readonly [Conflist, ...Conflist[]] {
  const [first, ...rest] = netConf.delegates.map((text, index) => parseConflist(text, `delegates[${index}]`));
  if (first === undefined) {
    throw new PlexusError("invalid-config", "at least one delegate must be specified", {
      details: 'put the default network\'s conf or conflist into "delegates" of the network config',
    });
  }
  return [first, ...rest];
}

/** The index counts over all networks, so the first beside the default one is net1 even if an earlier one has a name of its own (spec §1.2). */
function interfaceName(requested: IfName | undefined, index: number, primary: IfName): IfName {
  if (requested !== undefined) return requested;
  const name = index === 0 ? primary : `net${index}`;
  if (!isIfName(name)) throw new PlexusError("internal", `interface name ${name} is not valid`);
  return name;
}

function conflistOf(selection: Selection, definition: NetworkDefinition): Conflist {
  const network = `${definition.namespace}/${definition.name}`;
  if (selection.defaultRoute !== undefined) {
    throw new PlexusError("unsupported-field", `network "${network}": default-route is not supported by this version`, {
      details: "remove default-route from the pod's networks annotation",
    });
  }
  if (definition.config.trim() === "") {
    throw new PlexusError("unsupported-field", `network "${network}" has no spec.config`, {
      details: "write the delegate's conf or conflist into spec.config of the NetworkAttachmentDefinition",
    });
  }
  const conflist = parseConflist(definition.config, `the config of network "${network}"`, definition.name);
  return selection.cniArgs === undefined ? conflist : withCniArgs(conflist, selection.cniArgs, network);
}

/** Merges the selection's `cni-args` into `args.cni` of every plugin, one level deep (spec §4.4). */
function withCniArgs(conflist: Conflist, cniArgs: JsonText, network: string): Conflist {
  const wanted = JsonObject.parse(cniArgs, `cni-args of network "${network}"`);
  const merge = (conf: JsonObject): JsonObject => {
    const args = objectAt(conf, "args", network);
    const cni = objectAt(args, "cni", network);
    const merged = [...wanted.entries()].reduce((all, [key, text]) => all.with(key, text), cni);
    return conf.with("args", args.with("cni", merged.toString()).toString());
  };
  const whole = JsonObject.parse(conflist.text, `the config of network "${network}"`);
  const plugins = conflist.plugins.map((plugin) => merge(plugin.conf).toString());
  const text = conflist.single ? merge(whole) : whole.with("plugins", `[${plugins.join(",")}]`);
  return parseConflist(text.toString(), `the config of network "${network}"`);
}

function objectAt(conf: JsonObject, key: string, network: string): JsonObject {
  const text = conf.text(key);
  return text === undefined || text === "null"
    ? JsonObject.empty
    : JsonObject.parse(text, `${key} in the config of network "${network}"`);
}

function forSecondary(runtimeConfig: JsonObject): JsonObject {
  return JsonObject.of([...runtimeConfig.entries()].filter(([name]) => !PRIMARY_ONLY.has(name)));
}

function requestedCapabilities(base: JsonObject, selection: Selection): JsonObject {
  const requested: readonly (readonly [string, unknown])[] = [
    ["portMappings", selection.portMappings],
    ["bandwidth", selection.bandwidth],
    ["ips", selection.ips],
    ["mac", selection.mac],
    ["infinibandGUID", selection.infinibandGuid],
    ["deviceID", selection.deviceId],
  ];
  return requested
    .filter(([, value]) => value !== undefined)
    .reduce((args, [name, value]) => args.with(name, JSON.stringify(value)), base);
}

function legacyArgs(selection: Selection): readonly (readonly [string, string])[] {
  return [
    ...(selection.mac === undefined ? [] : [["MAC", selection.mac] as const]),
    ...(selection.ips === undefined ? [] : [["IP", selection.ips.join(",")] as const]),
  ];
}

function refuseClashes(planned: readonly PlannedAttachment[]): void {
  const owners = new Map<IfName, string>();
  for (const { ifName, network } of planned) {
    const other = owners.get(ifName);
    if (other !== undefined) {
      throw new PlexusError("interface-conflict", `networks "${other}" and "${network}" both ask for interface ${ifName}`, {
        details: "give one of them another interface name in the pod's networks annotation",
      });
    }
    owners.set(ifName, network);
  }
}
