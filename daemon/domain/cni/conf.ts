/** Network configurations: a conf and a conflist, read into the one form that the rest of the program knows. */
import { PlexusError } from "../errors.ts";
import { isNetworkName, type NetworkName } from "../ids.ts";
import { elementsOf, isPlainObject, JsonObject, type JsonText } from "../json/json-object.ts";
import { CNI_VERSIONS, type CniVersion, cniVersion, isAtLeast } from "./version.ts";

/** One entry of a conflist. */
export interface Plugin {
  readonly type: string;
  /** The capabilities it declares as true. */
  readonly capabilities: ReadonlySet<string>;
  /** Everything its author wrote, in his order. */
  readonly conf: JsonObject;
}

export interface Conflist {
  readonly name: NetworkName;
  /** The version its plugins are spoken to in; a conf without one means 0.1.0 (spec §4.3). */
  readonly version: CniVersion;
  /** The `cniVersion` its plugins are given: as written, so `""` when there was none. */
  readonly writtenVersion: string;
  /** It was written as a single conf. Only error messages care. */
  readonly single: boolean;
  readonly disableCheck: boolean;
  readonly disableGc: boolean;
  readonly plugins: readonly Plugin[];
  /** What it was read from, the name filled in. Reading this again gives the same conflist. */
  readonly text: JsonText;
}

/**
 * Reads a conf or conflist (spec §4.2, §4.3).
 * @param what how messages call it, e.g. `the config of network default/blue`
 * @param fallbackName the name it gets when it has none, as a NetworkAttachmentDefinition lends its own
 * @throws PlexusError `decode-failure`, `invalid-config` or `incompatible-version`
 */
export function parseConflist(text: JsonText, what: string, fallbackName = ""): Conflist {
  const written = JsonObject.parse(text, what);
  const ownName = stringAt(written, "name", what);
  const conf = ownName === "" && fallbackName !== "" ? written.with("name", JSON.stringify(fallbackName)) : written;
  const name = ownName === "" ? fallbackName : ownName;
  if (name === "") throw new PlexusError("invalid-config", `${what}: missing network name`);
  if (!isNetworkName(name)) {
    throw new PlexusError("invalid-config", `${what}: invalid characters found in network name`, { details: name });
  }
  const single = stringAt(conf, "type", what) !== "";
  const writtenVersion = single ? stringAt(conf, "cniVersion", what) : highestVersion(conf, what);
  return {
    name,
    version: cniVersion(writtenVersion),
    writtenVersion,
    single,
    disableCheck: !single && flagAt(conf, "disableCheck", what),
    disableGc: !single && flagAt(conf, "disableGC", what),
    plugins: single ? [parsePlugin(conf, what)] : parsePlugins(conf, what),
    text: conf.toString(),
  };
}

/** The same network with every plugin's conf changed so. */
export function changePlugins(conflist: Conflist, change: (plugin: Plugin) => JsonObject): Conflist {
  const what = `the config of network "${conflist.name}"`;
  const whole = JsonObject.parse(conflist.text, what);
  const confs = conflist.plugins.map((plugin) =>
    // A single conf lends its plugin all it has, a borrowed name too.
    change(conflist.single ? { ...plugin, conf: whole } : plugin).toString(),
  );
  const text = conflist.single ? confs.join("") : whole.with("plugins", `[${confs.join(",")}]`).toString();
  return parseConflist(text, what);
}

function parsePlugins(conf: JsonObject, what: string): Plugin[] {
  const list = conf.text("plugins");
  if (list === undefined || list === "null") {
    throw new PlexusError("invalid-config", `${what}: delegate must have the 'type' or 'plugins' field`);
  }
  const plugins = elementsOf(list, `${what}: plugins`).map((entry, index) =>
    parsePlugin(JsonObject.parse(entry, `${what}: plugins[${index}]`), `${what}: plugins[${index}]`),
  );
  if (plugins.length === 0) throw new PlexusError("invalid-config", `${what}: plugins is empty`);
  return plugins;
}

function parsePlugin(conf: JsonObject, what: string): Plugin {
  const type = stringAt(conf, "type", what);
  if (type === "") throw new PlexusError("invalid-config", `${what}: a plugin must have the 'type' field`);
  refuseNoFileName(type, what);
  const declared = conf.get("capabilities") ?? {};
  if (!isPlainObject(declared)) throw new PlexusError("invalid-config", `${what}: capabilities is not an object`);
  const granted = Object.keys(declared).filter((capability) => declared[capability] === true);
  return { type, capabilities: new Set(granted), conf };
}

/** The kernel takes no longer file name (NAME_MAX). */
const LONGEST_TYPE_BYTES = 255;

/** @throws PlexusError `invalid-config` for a type that no executable can be called */
function refuseNoFileName(type: string, what: string): void {
  const bytes = Buffer.byteLength(type);
  if (bytes > LONGEST_TYPE_BYTES) {
    throw new PlexusError("invalid-config", `${what}: type has ${bytes} bytes, more than ${LONGEST_TYPE_BYTES}`, {
      details: "type is the file name of a plugin",
    });
  }
  // eslint-disable-next-line no-control-regex -- control characters are what is refused
  if (type === "." || type === ".." || /[/\0-\x1f\x7f]/.test(type)) {
    throw new PlexusError("invalid-config", `${what}: type is the file name of a plugin, not a path`, {
      details: JSON.stringify(type),
    });
  }
}

/** A list may offer several versions; the highest that we know counts. */
function highestVersion(conf: JsonObject, what: string): string {
  const single = stringAt(conf, "cniVersion", what);
  const offered = conf.get("cniVersions");
  if (offered === undefined || offered === null) return single;
  if (!Array.isArray(offered)) throw new PlexusError("invalid-config", `${what}: cniVersions is not a list`);
  const known = CNI_VERSIONS.filter((version) => version === single || offered.includes(version));
  return (
    known.reduce<string>((best, next) => (best === "" || isAtLeast(next, best as CniVersion) ? next : best), "") ||
    single
  );
}

/** A string member; empty when absent or null. @throws PlexusError `invalid-config` */
export function stringAt(conf: JsonObject, key: string, what: string): string {
  const value = conf.get(key) ?? "";
  if (typeof value !== "string") throw new PlexusError("invalid-config", `${what}: ${key} is not a string`);
  return value;
}

/** A flag; false when absent. libcni takes these as booleans and as the words, in any case (spec §4.5). */
export function flagAt(conf: JsonObject, key: string, what: string): boolean {
  const value = conf.get(key) ?? false;
  if (typeof value === "boolean") return value;
  const word = typeof value === "string" ? value.toLowerCase() : "";
  if (word !== "true" && word !== "false")
    throw new PlexusError("invalid-config", `${what}: ${key} is not true or false`);
  return word === "true";
}
