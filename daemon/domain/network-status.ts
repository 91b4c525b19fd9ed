/** What a pod's interfaces came to be, as an annotation tells it (spec §3.5). */
import { parseCidr } from "./addresses.ts";
import type { CniResult, ResultDns, ResultInterface, ResultIp } from "./cni/result.ts";
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

/** What one attachment contributes, as the NPWG has it. A result without interfaces contributes nothing, whatever addresses it has. */
export function statusOf(attachment: {
  readonly network: string;
  /** Whether this is the pod's default network. */
  readonly primary: boolean;
  readonly result: CniResult;
  readonly deviceInfo?: JsonText | undefined;
}): readonly NetworkStatus[] {
  const { network, primary, result, deviceInfo } = attachment;
  const inSandbox = [...result.interfaces.entries()].filter(([, { sandbox }]) => sandbox !== undefined);
  const entry = (link: ResultInterface | undefined, ips: readonly ResultIp[], isDefault: boolean): NetworkStatus => ({
    name: network,
    interface: link?.name === "" ? undefined : link?.name,
    ips: unlessEmpty(ips.map(({ address }) => withoutPrefixLength(address))),
    mac: link?.mac,
    mtu: link?.mtu,
    default: isDefault ? true : undefined,
    dns: result.dns,
    "device-info": deviceInfo === undefined ? undefined : (JSON.parse(deviceInfo) as unknown),
    gateway: unlessEmpty(defaultGateways(result)),
  });

  // A single interface speaks for the whole result, even one that is not in the sandbox and so has no name to show.
  if (result.interfaces.length === 1) return [entry(inSandbox[0]?.[1], result.ips, primary)];

  const first = inSandbox[0]?.[0];
  const last = inSandbox.at(-1)?.[0];
  const defaultIndex =
    result.ips.find((ip) => ip.gateway !== undefined && ip.interface !== undefined)?.interface ?? first;
  return inSandbox.map(([index, link]) => {
    const own = result.ips.filter((ip) => (ip.interface ?? last) === index);
    return entry(link, own, primary && index === defaultIndex);
  });
}

/** The annotation's text, in upstream's layout: readable elements, joined without a blank. */
export function renderNetworkStatus(entries: readonly NetworkStatus[]): string {
  return `[${entries.map((entry) => JSON.stringify(entry, null, 4)).join(",")}]`;
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
