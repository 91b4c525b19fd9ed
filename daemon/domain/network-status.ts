/** What a pod's interfaces came to be, as an annotation tells it (spec §3.5). */
import { parseCidr } from "./addresses.ts";
import type { CniResult, ResultDns, ResultInterface, ResultIp } from "./cni/result.ts";
import { PlexusError } from "./errors.ts";
import { isNetnsPath } from "./ids.ts";
import type { JsonText } from "./json/json-object.ts";

/** One interface. The members are in the order in which they are printed. */
export interface NetworkStatus {
  /** `<namespace>/<name>` of the NAD, or the conf's own name. */
  readonly name: string;
  readonly interface?: string | undefined;
  /** Without prefix length. */
  readonly ips?: readonly string[] | undefined;
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
  /** Only ever true, on the interface that traffic takes unless told otherwise. */
  readonly default?: true | undefined;
  readonly dns: ResultDns;
  /** What the device plugin or the CNI plugin says of the attachment's device. */
  readonly "device-info"?: unknown;
  /** Gateways of the default routes in the result. */
  readonly gateway?: readonly string[] | undefined;
}

/**
 * What one attachment contributes, as the NPWG has it. A result up to CNI 0.2.0 names no interfaces: its addresses are those of the
 * attachment's own (issue 11).
 */
export function statusOf(attachment: {
  readonly network: string;
  /** The attachment's own interface. */
  readonly ifName: string;
  /** Whether this is the pod's default network. */
  readonly primary: boolean;
  readonly result: CniResult;
  readonly deviceInfo?: JsonText | undefined;
}): readonly NetworkStatus[] {
  const { network, ifName, primary, result, deviceInfo } = attachment;
  const inSandbox = [...result.interfaces.entries()].filter(([, link]) => isInSandbox(link));
  const shared = {
    dns: result.dns,
    "device-info": deviceInfo === undefined ? undefined : (JSON.parse(deviceInfo) as unknown),
    gateway: unlessEmpty(defaultGateways(result)),
  };
  const entry = (
    link: Partial<ResultInterface> | undefined,
    ips: readonly ResultIp[],
    isDefault: boolean,
  ): NetworkStatus => ({
    name: network,
    interface: link?.name === "" ? undefined : link?.name,
    ips: unlessEmpty(ips.map(({ address }) => withoutPrefixLength(address))),
    mac: link?.mac,
    mtu: link?.mtu,
    default: isDefault ? true : undefined,
    ...shared,
  });

  if (result.interfaces.length === 0) {
    return result.ips.length === 0 ? [] : [entry({ name: ifName }, result.ips, primary)];
  }
  // A single interface speaks for the whole result, even one that is not in the sandbox and so has no name to show.
  if (result.interfaces.length === 1) return [entry(inSandbox[0]?.[1], result.ips, primary)];

  const first = inSandbox[0]?.[0];
  const last = inSandbox.at(-1)?.[0];
  const defaultIndex =
    result.ips.find((ip) => ip.gateway !== undefined && ip.interface !== undefined)?.interface ?? first;
  const ipsByInterface = Map.groupBy(result.ips, (ip) => ip.interface ?? last);
  return inSandbox.map(([index, link]) =>
    entry(link, ipsByInterface.get(index) ?? [], primary && index === defaultIndex),
  );
}

/** Some plugins say "0" of an interface on the host's side, where the specification says nothing (issue 11). */
export function isInSandbox({ sandbox }: Pick<ResultInterface, "sandbox">): boolean {
  return sandbox !== undefined && isNetnsPath(sandbox);
}

/** In characters. The API server takes 256 KiB of annotations in all. */
const LONGEST_STATUS = 200 << 10;

/**
 * The annotation's text, in upstream's layout: readable elements, joined without a blank.
 * @throws PlexusError `invalid-config` when the API server would not take it
 */
export function renderNetworkStatus(entries: readonly NetworkStatus[]): string {
  const texts: string[] = [];
  let length = 0;
  for (const entry of entries) {
    const text = JSON.stringify(entry, null, 4);
    length += text.length;
    if (length > LONGEST_STATUS) {
      throw new PlexusError("invalid-config", `the pod's network status has more than ${LONGEST_STATUS} characters`, {
        details: "no annotation can hold it; ask for fewer networks or addresses",
      });
    }
    texts.push(text);
  }
  return `[${texts.join(",")}]`;
}

function defaultGateways({ routes }: CniResult): string[] {
  return routes
    .filter(({ dst }) => parseCidr(dst)?.prefixLength === 0)
    .map(({ gw }) => gw)
    .filter((gw) => gw !== undefined);
}

export function withoutPrefixLength(cidr: string): string {
  return cidr.split("/", 1)[0] ?? cidr;
}

function unlessEmpty<Item>(list: readonly Item[]): readonly Item[] | undefined {
  return list.length === 0 ? undefined : list;
}
