/** The configuration that the runtime gives us on every call: ours, not a delegate's (spec §2.1). */
import { type CniVersion, cniVersion } from "./cni/version.ts";
import { PlexusError } from "./errors.ts";
import { isNetworkName, type NetworkName } from "./ids.ts";
import { elementsOf, JsonObject, type JsonText, isPlainObject } from "./json/json-object.ts";

export interface NetConf {
  readonly name: NetworkName;
  /** What the runtime wants its result in. */
  readonly version: CniVersion;
  /** Inline delegates, each a conf or a conflist; the first is the default network. */
  readonly delegates: readonly JsonText[];
  /** Capability args from the runtime, of any kind. */
  readonly runtimeConfig: JsonObject;
  /** Searched before CNI_PATH; undefined leaves it to the daemon's own setting. */
  readonly binDir: string | undefined;
  /** The attachments that the runtime still counts as its own; undefined unless this is a GC. */
  readonly validAttachments: readonly ValidAttachment[] | undefined;
}

export interface ValidAttachment {
  readonly containerId: string;
  readonly ifName: string;
}

const WHAT = "the network config on stdin";

/** @throws PlexusError `decode-failure`, `invalid-config` or `incompatible-version` */
export function parseNetConf(text: JsonText): NetConf {
  const conf = JsonObject.parse(text, WHAT);
  const name = stringAt(conf, "name");
  if (name === "") throw new PlexusError("invalid-config", "missing network name");
  if (!isNetworkName(name)) {
    throw new PlexusError("invalid-config", "invalid characters found in network name", { details: name });
  }
  if (stringAt(conf, "clusterNetwork") !== "") {
    throw new PlexusError("unsupported-field", `${WHAT}: clusterNetwork is not supported by this version`, {
      details: 'put the default network\'s conf or conflist into "delegates"',
    });
  }
  const binDir = stringAt(conf, "binDir");
  return {
    name,
    version: cniVersion(stringAt(conf, "cniVersion")),
    delegates: delegatesOf(conf),
    runtimeConfig: runtimeConfigOf(conf),
    binDir: binDir === "" ? undefined : binDir,
    validAttachments: validAttachmentsOf(conf),
  };
}

function delegatesOf(conf: JsonObject): readonly JsonText[] {
  const text = conf.textFolded("delegates");
  return text === undefined || text === "null" ? [] : elementsOf(text, `${WHAT}: delegates`);
}

function runtimeConfigOf(conf: JsonObject): JsonObject {
  const text = conf.textFolded("runtimeConfig");
  return text === undefined || text === "null" ? JsonObject.empty : JsonObject.parse(text, `${WHAT}: runtimeConfig`);
}

function validAttachmentsOf(conf: JsonObject): readonly ValidAttachment[] | undefined {
  const value = conf.get("cni.dev/valid-attachments");
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw new PlexusError("invalid-config", `${WHAT}: cni.dev/valid-attachments is not a list`);
  return value.map((entry: unknown) => {
    const { containerID, ifname } = isPlainObject(entry) ? entry : {};
    if (typeof containerID !== "string" || typeof ifname !== "string") {
      throw new PlexusError("invalid-config", `${WHAT}: cni.dev/valid-attachments needs containerID and ifname`);
    }
    return { containerId: containerID, ifName: ifname };
  });
}

function stringAt(conf: JsonObject, key: string): string {
  const text = conf.textFolded(key);
  const value: unknown = text === undefined ? "" : (JSON.parse(text) ?? "");
  if (typeof value !== "string") throw new PlexusError("invalid-config", `${WHAT}: ${key} is not a string`);
  return value;
}
