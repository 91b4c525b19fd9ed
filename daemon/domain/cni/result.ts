/** What a plugin printed on success, in the one form that everything here thinks in: that of CNI 1.x. */
import * as z from "zod";
import { ipFamily, parseCidr } from "../addresses.ts";
import { PlexusError } from "../errors.ts";
import { decode, goString, goStruct } from "../json/go-json.ts";
import { JsonObject, parseJson, type JsonText } from "../json/json-object.ts";
import { CNI_VERSIONS, isAtLeast, isCniVersion, type CniVersion } from "./version.ts";

/** Empty strings, zeros and empty lists are absent here, except where zero says something (an index, a table, a scope). */
export interface CniResult {
  readonly interfaces: readonly ResultInterface[];
  readonly ips: readonly ResultIp[];
  readonly routes: readonly ResultRoute[];
  readonly dns: ResultDns;
}

export interface ResultInterface {
  readonly name: string;
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
  /** The network namespace's path; absent for an interface on the host's side. */
  readonly sandbox?: string | undefined;
  readonly socketPath?: string | undefined;
  readonly pciID?: string | undefined;
}

export interface ResultIp {
  /** Index into the result's interfaces. Not checked to be within them. */
  readonly interface?: number | undefined;
  /** With prefix length. */
  readonly address: string;
  readonly gateway?: string | undefined;
}

export interface ResultRoute {
  /** With prefix length. */
  readonly dst: string;
  readonly gw?: string | undefined;
  readonly mtu?: number | undefined;
  readonly advmss?: number | undefined;
  readonly priority?: number | undefined;
  readonly table?: number | undefined;
  readonly scope?: number | undefined;
}

export interface ResultDns {
  readonly nameservers?: readonly string[] | undefined;
  readonly domain?: string | undefined;
  readonly search?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
}

export interface ParsedResult {
  /** The version the text is written in. */
  readonly version: CniVersion;
  readonly result: CniResult;
}

/** How results are laid out: up to 0.2.0, up to 0.4.0, and since. */
export type ResultLayout = "ip4-and-ip6" | "ips-with-version" | "current";

export function layoutOf(version: CniVersion): ResultLayout {
  if (isAtLeast(version, "1.0.0")) return "current";
  return isAtLeast(version, "0.3.0") ? "ips-with-version" : "ip4-and-ip6";
}

/**
 * Reads a plugin's output (spec §1.10). A result that names no version is in the one of the conf its plugin was given.
 * @throws PlexusError `decode-failure` naming the path, or `incompatible-version`
 */
export function parseResult(text: JsonText, confVersion: CniVersion): ParsedResult {
  const document = parseJson(resultObject(text).toString(), WHAT);
  const { cniVersion = "" } = decode(Versioned, document, WHAT);
  const version = cniVersion === "" ? confVersion : cniVersion;
  if (!isCniVersion(version)) {
    throw new PlexusError("incompatible-version", `no converter for CNI result version ${JSON.stringify(version)}`, {
      details: `results are understood in versions ${CNI_VERSIONS.join(", ")}`,
    });
  }
  return { version, result: decode(LAYOUTS[layoutOf(version)], document, WHAT) };
}

/**
 * In characters. A result tells of a few interfaces; the record keeps it, the next plugin reads it, and the pod's annotation shows it, which has
 * 256 KiB in all.
 */
const LONGEST_RESULT = 128 << 10;

/** The result's members, untouched. A plugin that prints `null` has nothing to say. @throws PlexusError `decode-failure` */
export function resultObject(text: JsonText): JsonObject {
  if (text.length > LONGEST_RESULT) {
    throw new PlexusError("decode-failure", `${WHAT} has ${text.length} characters, more than ${LONGEST_RESULT}`);
  }
  const trimmed = text.trim();
  if (trimmed === "") {
    throw new PlexusError("decode-failure", "failed to unmarshal raw result: unexpected end of JSON input");
  }
  return trimmed === "null" ? JsonObject.empty : JsonObject.parse(text, WHAT);
}

const WHAT = "the CNI result";

const count = z
  .int()
  .transform((number) => (number === 0 ? undefined : number))
  .optional();
const words = z
  .array(z.string())
  .transform((list) => (list.length === 0 ? undefined : list))
  .optional();
const gateway = z
  .string()
  .refine((text) => text === "" || ipFamily(text) !== undefined, "not an IP address")
  .transform((text) => (text === "" ? undefined : text))
  .optional();
const cidr = z.string().refine((text) => parseCidr(text) !== undefined, "not an IP address with a prefix length");

const Versioned = goStruct({ cniVersion: z.string().optional() });
const Ip = goStruct({ interface: z.int().optional(), address: cidr, gateway });
const Route = goStruct({
  dst: cidr,
  gw: gateway,
  mtu: count,
  advmss: count,
  priority: count,
  table: z.int().optional(),
  scope: z.int().optional(),
});
const Dns = goStruct({ nameservers: words, domain: goString, search: words, options: words }).default({});
const sinceVersion03 = { name: z.string().default(""), mac: goString, sandbox: goString };
const sinceVersion10 = { ...sinceVersion03, mtu: count, socketPath: goString, pciID: goString };
const OneFamily = goStruct({ ip: cidr, gateway, routes: z.array(Route).default([]) }).optional();

function layout<Interface extends z.ZodType<ResultInterface>>(oneInterface: Interface) {
  return goStruct({
    interfaces: z.array(oneInterface).default([]),
    ips: z.array(Ip).default([]),
    routes: z.array(Route).default([]),
    dns: Dns,
  });
}

const LAYOUTS: Readonly<Record<ResultLayout, z.ZodType<CniResult>>> = {
  "ip4-and-ip6": goStruct({ ip4: OneFamily, ip6: OneFamily, dns: Dns }).transform(({ ip4, ip6, dns }): CniResult => {
    const families = [ip4, ip6].filter((family) => family !== undefined);
    return {
      interfaces: [],
      ips: families.map(({ ip, gateway }) => ({ address: ip, gateway })),
      routes: families.flatMap(({ routes }) => routes),
      dns,
    };
  }),
  "ips-with-version": layout(goStruct(sinceVersion03)),
  current: layout(goStruct(sinceVersion10)),
};
