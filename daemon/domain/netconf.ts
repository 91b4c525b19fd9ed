/** The configuration that the runtime gives us on every call: ours, not a delegate's (spec §2.1). Read as Go reads it (spec §0). */
import * as z from "zod";
import { type CniVersion, cniVersion } from "./cni/version.ts";
import { PlexusError } from "./errors.ts";
import { isNetworkName, namespace, type Namespace, type NetworkName } from "./ids.ts";
import { decode, goString, goStruct } from "./json/go-json.ts";
import { elementsOf, JsonObject, type JsonText } from "./json/json-object.ts";

export interface NetConf {
  readonly name: NetworkName;
  /** The name under which the runtime has called us: a network of this type would be ourselves. */
  readonly type: string | undefined;
  /** What the runtime wants its result in. */
  readonly version: CniVersion;
  /** Whose rules pods follow: Multus', or those of TKE's fork. */
  readonly dialect: "npwg" | "tke";
  /** A pod with an annotation of the fork's follows the fork's rules. */
  readonly podsChooseDialect: boolean;
  readonly networks: ClusterNetworks;
  /** Of the fork: the networks of pods that name none, in the form of its annotation. */
  readonly defaultDelegates: string | undefined;
  /** Where confs that are given by name are looked for; undefined leaves it to the dialect. */
  readonly confDir: string | undefined;
  /** Searched before CNI_PATH; undefined leaves it to the daemon's own setting. */
  readonly binDir: string | undefined;
  /** Capability args from the runtime, of any kind. */
  readonly runtimeConfig: JsonObject;
  /** Secondary networks are told the runtime's port mappings and bandwidth too, as Multus does. */
  readonly inheritRuntimeConfig: boolean;
  /** What is different on purpose from the original is as in the original, where that does no harm. */
  readonly strictCompat: boolean;
  /** It says how to reach the API server. The daemon has its own way, but TKE's fork shows a network status only then. */
  readonly namesKubeconfig: boolean;
  /** Where the networks of the cluster itself are defined. */
  readonly multusNamespace: Namespace;
  /** Pods in these get no defaultNetworks. */
  readonly systemNamespaces: readonly string[];
  /** The namespaces whose networks everybody may use; undefined while networks are not isolated. */
  readonly isolation: { readonly globalNamespaces: readonly string[] } | undefined;
  readonly auxiliaryChain: string | undefined;
  /** ADD and STATUS wait until this file exists. */
  readonly readinessIndicatorFile: string | undefined;
  /** The attachments that the runtime still counts as its own; undefined unless this is a GC. */
  readonly validAttachments: readonly ValidAttachment[] | undefined;
}

/** The networks that pods get without asking. The first is the default network. */
export type ClusterNetworks =
  /** Each a conf or a conflist, written into the config itself. */
  | { readonly given: "inline"; readonly delegates: readonly JsonText[] }
  /** Each the name of a NAD, of a conf on disk, or a path (spec §4.1). */
  | { readonly given: "by-name"; readonly clusterNetwork: string; readonly defaultNetworks: readonly string[] };

export interface ValidAttachment {
  readonly containerId: string;
  readonly ifName: string;
}

const WHAT = "the network config on stdin";

const goBoolean = z.boolean().default(false);
const goStrings = z.array(z.string()).optional();

const Fields = goStruct({
  name: goString,
  type: goString,
  cniVersion: goString,
  dialect: z.enum(["npwg", "tke", "auto"]).optional(),
  confDir: goString,
  binDir: goString,
  kubeconfig: goString,
  clusterNetwork: goString,
  defaultNetworks: goStrings,
  multusNamespace: goString,
  systemNamespaces: goStrings,
  namespaceIsolation: goBoolean,
  globalNamespaces: goString,
  auxiliaryCNIChainName: goString,
  readinessindicatorfile: goString,
  inheritRuntimeConfig: goBoolean,
  strictCompat: goBoolean,
});

/**
 * @param overlay what the daemon's own config says of these keys, which wins over what the runtime gives (spec §7.4)
 * @throws PlexusError `decode-failure`, `invalid-config` or `incompatible-version`
 */
export function parseNetConf(text: JsonText, overlay: JsonObject = JsonObject.empty): NetConf {
  const given = JsonObject.parse(text, WHAT);
  const conf = given.withAll(overlay.entries());
  const fields = decode(Fields, JSON.parse(conf.toString()), WHAT);
  if (fields.name === undefined) throw new PlexusError("invalid-config", "missing network name");
  if (!isNetworkName(fields.name)) {
    throw new PlexusError("invalid-config", "invalid characters found in network name", { details: fields.name });
  }
  const networks = clusterNetworks(conf, fields);
  const defaultDelegates = defaultDelegatesOf(conf, fields.strictCompat);
  return {
    name: fields.name,
    type: fields.type,
    version: cniVersion(fields.cniVersion ?? ""),
    ...dialectOf(fields.dialect, networks, defaultDelegates),
    networks,
    defaultDelegates,
    confDir: fields.confDir,
    binDir: fields.binDir,
    runtimeConfig: objectAt(conf, "runtimeConfig"),
    inheritRuntimeConfig: fields.inheritRuntimeConfig || fields.strictCompat,
    strictCompat: fields.strictCompat,
    namesKubeconfig: fields.kubeconfig !== undefined,
    multusNamespace: namespace(fields.multusNamespace ?? "kube-system"),
    systemNamespaces: fields.systemNamespaces ?? ["kube-system"],
    isolation: fields.namespaceIsolation ? { globalNamespaces: globalNamespaces(fields.globalNamespaces) } : undefined,
    auxiliaryChain: fields.auxiliaryCNIChainName,
    readinessIndicatorFile: fields.readinessindicatorfile,
    validAttachments: validAttachmentsOf(conf),
  };
}

/** With a clusterNetwork, inline delegates do not count (spec T118). */
function clusterNetworks(
  conf: JsonObject,
  fields: { readonly clusterNetwork?: string | undefined; readonly defaultNetworks?: readonly string[] | undefined },
): ClusterNetworks {
  const { clusterNetwork, defaultNetworks = [] } = fields;
  if (clusterNetwork !== undefined) return { given: "by-name", clusterNetwork, defaultNetworks };
  const text = conf.textFolded("delegates");
  const delegates = text === undefined || text === "null" ? [] : elementsOf(text, `${WHAT}: delegates`);
  return { given: "inline", delegates };
}

/** Where nothing says whose rules they are, a config that only the fork can do anything with is the fork's. */
function dialectOf(
  said: "npwg" | "tke" | "auto" | undefined,
  networks: ClusterNetworks,
  defaultDelegates: string | undefined,
): Pick<NetConf, "dialect" | "podsChooseDialect"> {
  if (said === "npwg" || said === "tke") return { dialect: said, podsChooseDialect: false };
  const hasNone = networks.given === "inline" && networks.delegates.length === 0;
  return {
    dialect: hasNone && defaultDelegates !== undefined ? "tke" : "npwg",
    podsChooseDialect: said === "auto",
  };
}

/** A string. The fork takes no list; we do, of names or of the objects that the annotation's JSON form has (dialect spec T5). */
function defaultDelegatesOf(conf: JsonObject, strictCompat: boolean): string | undefined {
  const text = conf.textFolded("defaultDelegates");
  const value: unknown = text === undefined ? null : JSON.parse(text);
  if (text === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  if (strictCompat || !Array.isArray(value)) {
    throw new PlexusError("decode-failure", `${WHAT}: defaultDelegates: expected string`);
  }
  const areNames = value.length > 0 && value.every((item) => typeof item === "string");
  return areNames ? value.join(",") : text;
}

/** A list of its own replaces the default one, so `default` must then be named again (spec T149). */
function globalNamespaces(list: string | undefined): readonly string[] {
  return list === undefined ? ["default"] : list.split(",").map((item) => item.trim());
}

function objectAt(conf: JsonObject, key: string): JsonObject {
  const text = conf.textFolded(key);
  return text === undefined || text === "null" ? JsonObject.empty : JsonObject.parse(text, `${WHAT}: ${key}`);
}

const ValidAttachments = z.array(goStruct({ containerID: z.string(), ifname: z.string() }));

function validAttachmentsOf(conf: JsonObject): readonly ValidAttachment[] | undefined {
  const value = conf.get("cni.dev/valid-attachments");
  if (value === undefined || value === null) return undefined;
  return decode(ValidAttachments, value, `${WHAT}: cni.dev/valid-attachments`).map(({ containerID, ifname }) => ({
    containerId: containerID,
    ifName: ifname,
  }));
}
