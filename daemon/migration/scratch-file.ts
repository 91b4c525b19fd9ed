/** The notes that Multus keeps of a sandbox: the delegates of its ADD, in the order they were run (spec §5.1). TKE's fork keeps the like. */
import * as z from "zod";
import { type Conflist, parseConflist } from "../domain/cni/conf.ts";
import { PlexusError } from "../domain/errors.ts";
import { decode, goString, goStruct } from "../domain/json/go-json.ts";
import { elementsOf, JsonObject, type JsonText } from "../domain/json/json-object.ts";
import type { RecordedDevice } from "../domain/sandbox-record.ts";

export interface NotedDelegate {
  /** Its place among all of them, which an interface without a name of its own is named after. */
  readonly index: number;
  /** `<namespace>/<name>` of its NAD, or the conf's own name. */
  readonly network: string;
  readonly conflist: Conflist;
  readonly requestedIfName: string | undefined;
  readonly device: RecordedDevice | undefined;
  /** It says of itself that it holds the pod's first interface; only the fork notes that. */
  readonly saysPrimary: boolean;
}

/**
 * Reads the notes in any of their shapes. A `null` among them is passed over; no notes at all are an empty list.
 * @param what names them in messages
 * @throws PlexusError `decode-failure`, `invalid-config` or `incompatible-version` when not every delegate can be read
 */
export function parseScratchFile(text: JsonText, what: string): readonly NotedDelegate[] {
  if (text.trim() === "null") return [];
  return elementsOf(text, what).flatMap((element, index) =>
    element === "null" ? [] : [notedDelegate(element, index, `${what}: delegate ${index}`)],
  );
}

const flag = z.boolean().default(false);

const Entry = goStruct({
  Name: goString,
  Bytes: goString,
  ifnameRequest: goString,
  masterPlugin: flag,
  deviceID: goString,
  resourceName: goString,
  CNINetworkConfigList: goStruct({
    Name: goString,
    CNIVersion: goString,
    DisableCheck: flag,
    DisableGC: flag,
    Plugins: z.array(goStruct({ Bytes: goString })).default([]),
  }).optional(),
});
type Entry = z.output<typeof Entry>;

function notedDelegate(element: JsonText, index: number, what: string): NotedDelegate {
  const entry = decode(Entry, JSON.parse(element), what);
  const conflist = parseConflist(confOf(entry, JsonObject.parse(element, what), what), what, nadName(entry.Name));
  return {
    index,
    network: entry.Name ?? conflist.name,
    conflist,
    requestedIfName: entry.ifnameRequest,
    device: entry.deviceID === undefined ? undefined : { resource: entry.resourceName ?? "", id: entry.deviceID },
    saysPrimary: entry.masterPlugin,
  };
}

/** A NAD's conf without a name takes the NAD's. */
function nadName(network: string | undefined): string | undefined {
  return network?.split("/").at(-1);
}

/**
 * The fullest of the forms that the conf is there in. Releases 4.2.1 to 4.3.0 kept of a list from a file only its standard keys in `Bytes`,
 * and the whole plugins beside it; very old ones have no `Bytes`.
 */
function confOf({ Bytes, CNINetworkConfigList: list }: Entry, element: JsonObject, what: string): JsonText {
  const plugins = list?.Plugins.map((plugin) => plugin.Bytes).filter((bytes) => bytes !== undefined) ?? [];
  if (list !== undefined && plugins.length > 0 && plugins.length === list.Plugins.length) {
    const { Name: name, CNIVersion: cniVersion, DisableCheck, DisableGC } = list;
    const flags = { ...(DisableCheck && { disableCheck: true }), ...(DisableGC && { disableGC: true }) };
    return JsonObject.parse(JSON.stringify({ cniVersion, name, ...flags }), what)
      .with("plugins", `[${plugins.map(decoded).join(",")}]`)
      .toString();
  }
  if (Bytes !== undefined) return decoded(Bytes);
  const bare = [element.textFolded("ConfList"), element.textFolded("Conf")];
  const conf = bare.find((text) => text !== undefined && describesPlugins(text, what));
  if (conf !== undefined) return conf;
  throw new PlexusError("decode-failure", `${what} has no config`);
}

/** Go writes out structs that nobody filled, too. */
function describesPlugins(text: JsonText, what: string): boolean {
  if (text === "null") return false;
  const conf = JsonObject.parse(text, what);
  return [conf.get("type"), conf.get("plugins")].some((value) => value !== undefined && value !== null && value !== "");
}

/** Go's JSON writes bytes in base64. */
export function decoded(base64: string): string {
  return Buffer.from(base64, "base64").toString();
}
