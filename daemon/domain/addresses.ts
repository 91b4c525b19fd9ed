/** Addresses, taken and refused exactly as Go's net package does (spec §0 item 7): delegates are written in Go and have the last word. */

/** An IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`) counts as IPv4. */
export type IpFamily = 4 | 6;

export interface Cidr {
  readonly family: IpFamily;
  readonly prefixLength: number;
}

/** Undefined when the text is no IP address. One with a zone is none. */
export function ipFamily(text: string): IpFamily | undefined {
  const groups = ipv6Groups(text);
  if (groups === undefined) return isIpv4(text) ? 4 : undefined;
  return groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff ? 4 : 6;
}

/** The one spelling of an address by which two can be compared: IPv6 as short as can be, IPv4 without IPv6 clothes. Undefined when it is none. */
export function canonicalIp(text: string): string | undefined {
  const groups = ipv6Groups(text);
  if (groups === undefined) return isIpv4(text) ? text : undefined;
  // URLs have the same spelling (RFC 5952), but for IPv4 in IPv6 clothes.
  if (ipFamily(text) === 6) return new URL(`http://[${text}]`).hostname.slice(1, -1);
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join(".");
}

/** Undefined when the text is not an address, a slash and a prefix length that fits it. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = "", digits = "", ...rest] = text.split("/");
  const family = ipFamily(address);
  if (family === undefined || rest.length > 0 || !/^[0-9]+$/.test(digits)) return undefined;
  const prefixLength = Number(digits);
  return prefixLength <= (address.includes(":") ? 128 : 32) ? { family, prefixLength } : undefined;
}

/** 6, 8 or 20 bytes, as `00:11:…`, `00-11-…` or `0011.2233.…`. */
export function isMac(text: string): boolean {
  return (
    /^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}(?:(?:[0-9a-f]{2}\1){2}(?:(?:[0-9a-f]{2}\1){12})?)?[0-9a-f]{2}$/i.test(
      text,
    ) || /^(?:[0-9a-f]{4}\.){2}(?:[0-9a-f]{4}\.(?:(?:[0-9a-f]{4}\.){6})?)?[0-9a-f]{4}$/i.test(text)
  );
}

/** Four numbers up to 255; a leading zero would make some readers think of octal. */
function isIpv4(text: string): boolean {
  const octets = text.split(".");
  return octets.length === 4 && octets.every((octet) => /^(?:0|[1-9][0-9]{0,2})$/.test(octet) && Number(octet) <= 255);
}

/** The eight groups, or undefined. `::` stands for one zero group or more; the last two groups may be written as IPv4. */
function ipv6Groups(text: string): number[] | undefined {
  const [head = "", tail, ...rest] = text.split("::");
  if (rest.length > 0) return undefined;
  if (tail === undefined) {
    const groups = groupsOf(head, true);
    return groups?.length === 8 ? groups : undefined;
  }
  const before = groupsOf(head, false);
  const after = groupsOf(tail, true);
  if (before === undefined || after === undefined) return undefined;
  const zeros = 8 - before.length - after.length;
  return zeros > 0 ? [...before, ...Array<number>(zeros).fill(0), ...after] : undefined;
}

function groupsOf(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const last = parts.at(-1) ?? "";
  const groups: number[] = [];
  if (mayEndInIpv4 && isIpv4(last)) {
    parts.pop();
    const [a = 0, b = 0, c = 0, d = 0] = last.split(".").map(Number);
    groups.push(a * 256 + b, c * 256 + d);
  }
  if (!parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return undefined;
  return [...parts.map((part) => Number.parseInt(part, 16)), ...groups];
}
