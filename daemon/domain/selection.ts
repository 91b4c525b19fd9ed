/** The annotation `k8s.v1.cni.cncf.io/networks`: which networks a pod wants besides its default one, and how (spec §3.1). */
import * as z from "zod";
import { ipFamily, isMac, parseCidr } from "./addresses.ts";
import { PlexusError } from "./errors.ts";
import { isIfName, namespace, type IfName, type Namespace } from "./ids.ts";
import { decode, goString, goStruct } from "./json/go-json.ts";
import { elementsOf, JsonObject, parseJson, type JsonText } from "./json/json-object.ts";
import { DEFAULT_LIMITS, type TenantLimits } from "./tenant-limits.ts";

/** One wanted attachment. */
export interface Selection extends AttachmentOptions {
  readonly namespace: Namespace;
  /** May be empty, as in `net1,`: such a selection is well-formed, but no network will be found for it. */
  readonly name: string;
}

/** What a pod asks of one network. A field that was not given, or given empty, is absent. */
export interface AttachmentOptions {
  readonly interface?: IfName | undefined;
  /** Each an address, with or without prefix length. */
  readonly ips?: readonly string[] | undefined;
  readonly mac?: string | undefined;
  readonly infinibandGuid?: string | undefined;
  readonly portMappings?: readonly PortMapping[] | undefined;
  readonly bandwidth?: Bandwidth | undefined;
  readonly deviceId?: string | undefined;
  /** A JSON object, as it was written. */
  readonly cniArgs?: JsonText | undefined;
  /** Gateways. An empty list is not the same as none: it takes the default route from every other interface. */
  readonly defaultRoute?: readonly string[] | undefined;
}

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol?: string | undefined;
  readonly hostIP?: string | undefined;
}

/** Rates in bits per second, bursts in bits; zero is no limit. */
export interface Bandwidth {
  readonly ingressRate: number;
  readonly ingressBurst: number;
  readonly egressRate: number;
  readonly egressBurst: number;
}

/**
 * The selections in the order of the annotation, which is the order of attaching. No annotation, or an empty one, selects nothing.
 * @param home where networks are looked for that name no namespace
 * @throws PlexusError `decode-failure` for JSON of the wrong form, `invalid-config` for everything else
 */
export function parseSelections(
  text: string | undefined,
  home: Namespace,
  limits: SelectionLimits = DEFAULT_LIMITS,
): readonly Selection[] {
  if (text === undefined || text === "") return [];
  return isJsonForm(text)
    ? parseJsonForm(text, home, limits)
    : shortItems(text, limits).map((item) => parseItem(item, home));
}

export type SelectionLimits = Pick<TenantLimits, "networksPerPod" | "selectionBytes">;

/** The items of the short form. @throws PlexusError `invalid-config` when there are more than a pod may have */
export function shortItems(text: string, { networksPerPod }: SelectionLimits): readonly string[] {
  // One more than allowed is enough to know.
  const items = text.split(",", networksPerPod + 1);
  if (items.length > networksPerPod) refuseTooMany(text.split(",").length, networksPerPod);
  return items;
}

/**
 * Looks at the elements of the JSON form before anything reads them.
 * @throws PlexusError `invalid-config`
 */
export function refuseOversized(elements: readonly JsonText[], limits: SelectionLimits): void {
  const { networksPerPod, selectionBytes } = limits;
  refuseTooMany(elements.length, networksPerPod);
  for (const [index, element] of elements.entries()) {
    const bytes = Buffer.byteLength(element);
    if (bytes <= selectionBytes) continue;
    throw new PlexusError(
      "invalid-config",
      `the networks annotation: element ${index} has ${bytes} bytes, more than ${selectionBytes}`,
      { details: "ask less of this network, or have the administrator raise maxSelectionBytes" },
    );
  }
}

/** @throws PlexusError `invalid-config` */
export function refuseTooMany(asked: number, networksPerPod: number): void {
  if (asked <= networksPerPod) return;
  throw new PlexusError("invalid-config", `the pod asks for ${asked} networks, more than ${networksPerPod}`, {
    details: "ask for fewer networks, or have the administrator raise maxNetworksPerPod",
  });
}

export function isJsonForm(text: string): boolean {
  return /[[{"]/.test(text);
}

function parseItem(item: string, home: Namespace): Selection {
  const { namespace, name, ifName } = parseShorthand(item, ["namespace", "name"]);
  return {
    namespace: orHome(namespace, home),
    name,
    interface: ifName === "" ? undefined : checkedIfName(ifName, OF_ITEM),
  };
}

/** The parts of an item of the short form; empty where there is none. */
export interface Shorthand {
  readonly namespace: string;
  readonly name: string;
  readonly ifName: string;
}

/**
 * `[<namespace>/]<name>[@<interface>]`. The slash is looked for first, so none may hide in the interface.
 * @param labels the parts that must be labels, in the order of checking
 * @throws PlexusError `invalid-config`
 */
export function parseShorthand(item: string, labels: readonly (keyof Shorthand)[]): Shorthand {
  const [target = "", namespace = "", ...moreSlashes] = item.split("/").map(trim).toReversed();
  if (moreSlashes.length > 0) throw misspelt("Invalid network object (failed at '/')");
  const [name = "", ifName = "", ...moreAts] = target.split("@").map(trim);
  if (moreAts.length > 0) throw misspelt("Invalid network object (failed at '@')");
  const parts = { namespace, name, ifName };
  for (const label of labels.map((part) => parts[part])) {
    if (label !== "" && !DNS_LABEL.test(label)) throw misspelt(`${LABEL_RULE}, mismatch @ '${label}'`);
  }
  return parts;
}

function parseJsonForm(text: JsonText, home: Namespace, limits: SelectionLimits): Selection[] {
  const texts = inJsonForm(() => elementsOf(text, "the annotation"));
  refuseOversized(texts, limits);
  const elements = inJsonForm(() => decode(z.array(Element), parseJson(text, "the annotation"), "the annotation"));
  return elements.map((element, index) => ({
    ...toSelection(element, index, home),
    cniArgs: element["cni-args"] && JsonObject.parse(texts[index] ?? "", "the annotation").textFolded("cni-args"),
  }));
}

/** The order of the checks is upstream's, so that of several mistakes the same one is told. */
function toSelection(element: z.output<typeof Element>, index: number, home: Namespace): Selection {
  const { mac, "infiniband-guid": guid, ips } = element;
  if (mac !== undefined && !isMac(mac)) throw invalid(`${WHERE}failed to mac: ${notMac(mac)}`);
  if (guid !== undefined && !isMac(guid)) throw invalid(`${WHERE}failed to validate infiniband GUID: ${notMac(guid)}`);
  for (const ip of ips ?? []) checkIp(ip);
  const ifName = element.interface ?? element.interfaceRequest;
  return {
    namespace: orHome(element.namespace ?? "", home),
    name: element.name ?? "",
    interface: ifName === undefined ? undefined : checkedIfName(ifName, `${WHERE}element ${String(index)}: `),
    ips,
    mac,
    infinibandGuid: guid,
    portMappings: element.portMappings,
    bandwidth: element.bandwidth,
    deviceId: element.deviceID,
    defaultRoute: element["default-route"],
  };
}

/** @param where begins the message */
export function checkedIfName(text: string, where: string): IfName {
  if (isIfName(text)) return text;
  throw new PlexusError("invalid-config", `${where}${IF_NAME_RULE}. interface name '${text}'`, {
    details: "an interface name has at most 15 bytes, is neither . nor .., and has no '/', ':' or blanks in it",
  });
}

function checkIp(text: string): void {
  const quoted = JSON.stringify(text);
  if (!text.includes("/")) {
    if (ipFamily(text) === undefined) throw invalid(`failed to parse IP address ${quoted}`);
  } else if (parseCidr(text) === undefined) {
    throw invalid(`failed to parse CIDR ${quoted}: invalid CIDR address: ${text}`);
  }
}

const gateway = z.string().refine((text) => ipFamily(text) !== undefined, "invalid IP address");
const number = z.int().default(0);

/** Of one network. Each item costs time on the event loop; of gateways one of each family can be used. */
const MOST_IPS = 64;
const MOST_PORT_MAPPINGS = 256;
const MOST_GATEWAYS = 8;

/** Keys that are not here are let through: historical ones (`ipRequest`, `macRequest`), and those of other programs. */
const Element = goStruct({
  name: goString,
  namespace: goString,
  interface: goString,
  /** The old spelling of `interface`. */
  interfaceRequest: goString,
  ips: z.array(z.string()).max(MOST_IPS).optional(),
  mac: goString,
  "infiniband-guid": goString,
  portMappings: z
    .array(goStruct({ hostPort: number, containerPort: number, protocol: goString, hostIP: goString }))
    .max(MOST_PORT_MAPPINGS)
    .optional(),
  bandwidth: goStruct({
    ingressRate: number,
    ingressBurst: number,
    egressRate: number,
    egressBurst: number,
  }).optional(),
  deviceID: goString,
  "cni-args": z.record(z.string(), z.unknown()).optional(),
  "default-route": z.array(gateway).max(MOST_GATEWAYS).optional(),
});

const WHERE = "parsePodNetworkAnnotation: ";
/** Begins what is told of an item of the short form. */
export const OF_ITEM = `${WHERE}parsePodNetworkObjectName: `;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_RULE =
  "Failed to parse: one or more items did not match comma-delimited format (must consist of lower case alphanumeric characters). " +
  "Must start and end with an alphanumeric character)";
const IF_NAME_RULE = "Failed to parse interface name: must be less than 15 chars and not contain '/' or spaces";

function misspelt(message: string): PlexusError {
  return new PlexusError("invalid-config", OF_ITEM + message, {
    details: "write [<namespace>/]<name>[@<interface>], separated by commas, or a JSON list",
  });
}

function invalid(message: string): PlexusError {
  return new PlexusError("invalid-config", message);
}

function inJsonForm<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (thrown) {
    throw PlexusError.from(thrown).within(
      `${WHERE}failed to parse pod Network Attachment Selection Annotation JSON format: `,
    );
  }
}

function notMac(text: string): string {
  return `address ${text}: invalid MAC address`;
}

function orHome(explicit: string, home: Namespace): Namespace {
  return explicit === "" ? home : namespace(explicit);
}

function trim(text: string): string {
  return text.trim();
}
