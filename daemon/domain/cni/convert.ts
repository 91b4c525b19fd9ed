/** Saying a result in another version of CNI (spec §1.10). */
import { parseCidr, type IpFamily } from "../addresses.ts";
import { PlexusError } from "../errors.ts";
import type { JsonText } from "../json/json-object.ts";
import { layoutOf, parseResult, resultObject, type CniResult, type ResultLayout } from "./result.ts";
import type { CniVersion } from "./version.ts";

/**
 * The result in version `to`: for the runtime, or as the `prevResult` of a plugin whose conf has that version.
 * Where the layout stays the same nothing but `cniVersion` changes, so that other people's keys and the text of their numbers survive.
 * @throws PlexusError as parseResult does, and `incompatible-version` when `to` has no words for it
 */
export function convertResult(text: JsonText, confVersion: CniVersion, to: CniVersion): JsonText {
  const { version, result } = parseResult(text, confVersion);
  if (layoutOf(version) === layoutOf(to)) return resultObject(text).with("cniVersion", JSON.stringify(to)).toString();
  return JSON.stringify({ cniVersion: to, ...LAYOUTS[layoutOf(to)](result, to) });
}

/** What JSON.stringify leaves out is left out on purpose: it drops members that are undefined. */
const LAYOUTS: Readonly<Record<ResultLayout, (result: CniResult, to: CniVersion) => object>> = {
  /** Has room for one address of each family. */
  "ip4-and-ip6": (result, to) => {
    const ip4 = oneFamily(result, 4);
    const ip6 = oneFamily(result, 6);
    if (ip4 === undefined && ip6 === undefined) {
      throw new PlexusError("incompatible-version", "cannot convert: no valid IP addresses", {
        details: `a result without an address cannot be said in CNI ${to}; set a cniVersion of 0.3.0 or later in the conf`,
      });
    }
    return { ip4, ip6, dns: result.dns };
  },
  "ips-with-version": ({ interfaces, ips, routes, dns }) => ({
    interfaces: unlessEmpty(interfaces.map(({ name, mac, sandbox }) => ({ name, mac, sandbox }))),
    ips: unlessEmpty(ips.map((ip) => ({ version: String(familyOf(ip.address)), ...ip }))),
    routes: unlessEmpty(routes),
    dns,
  }),
  current: ({ interfaces, ips, routes, dns }) => ({
    interfaces: unlessEmpty(interfaces),
    ips: unlessEmpty(ips),
    routes: unlessEmpty(routes),
    dns: Object.values(dns).every((part) => part === undefined) ? undefined : dns,
  }),
};

function oneFamily({ ips, routes }: CniResult, family: IpFamily): object | undefined {
  const ip = ips.find(({ address }) => familyOf(address) === family);
  if (ip === undefined) return undefined;
  const reachable = routes.filter(({ dst }) => familyOf(dst) === family).map(({ dst, gw }) => ({ dst, gw }));
  return { ip: ip.address, gateway: ip.gateway, routes: unlessEmpty(reachable) };
}

function familyOf(cidr: string): IpFamily | undefined {
  return parseCidr(cidr)?.family;
}

function unlessEmpty<Item>(list: readonly Item[]): readonly Item[] | undefined {
  return list.length === 0 ? undefined : list;
}
