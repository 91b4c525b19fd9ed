/** Strings that must not be swapped for one another. Each is checked once, where it enters, and carries the proof in its type. */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `CNI_CONTAINERID`: the runtime's name for one sandbox. */
export type SandboxId = Branded<"SandboxId">;
/** The name of a network interface inside the sandbox. */
export type IfName = Branded<"IfName">;
/** Where a network namespace can be opened, as the runtime named it. */
export type NetnsPath = Branded<"NetnsPath">;
/**
 * Which network namespace it is, whatever its path: device and inode of its nsfs file and, from Linux 5.14 on,
 * its cookie, as in `4:4026532281:17`. The kernel gives a freed inode to the next namespace at once; it never
 * gives a cookie twice. Comparable only within one boot: see BootId.
 */
export type NetnsIdentity = Branded<"NetnsIdentity">;
/** The kernel's /proc/sys/kernel/random/boot_id: a UUID, another one after each boot of the node. */
export type BootId = Branded<"BootId">;
/** The `name` of a conflist: what plugins call their network, and the key of their ledgers. */
export type NetworkName = Branded<"NetworkName">;
export type PodName = Branded<"PodName">;
export type Namespace = Branded<"Namespace">;

/** The one rule for container ids and network names (spec §1.1). */
const CNI_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** A container id becomes a file name, and the kernel takes no longer one. */
const LONGEST_SANDBOX_ID = 200;

export function isSandboxId(text: string): text is SandboxId {
  return text.length <= LONGEST_SANDBOX_ID && CNI_NAME.test(text);
}

/** IPAM plugins keep their ledger in a directory of this name, and the kernel takes no longer one. */
const LONGEST_NETWORK_NAME = 255;

export function isNetworkName(text: string): text is NetworkName {
  return text.length <= LONGEST_NETWORK_NAME && CNI_NAME.test(text);
}

/** The kernel keeps 16 bytes for a link name, the last one being the terminator; libcni refuses `:` and blanks too. */
export function isIfName(text: string): text is IfName {
  const bytes = Buffer.byteLength(text);
  return bytes > 0 && bytes <= 15 && text !== "." && text !== ".." && !/[/:\s\0]/.test(text);
}

export function isNetnsPath(text: string): text is NetnsPath {
  return text.startsWith("/") && !text.includes("\0");
}

export function isNetnsIdentity(text: string): text is NetnsIdentity {
  return /^\d+:\d+(?::\d+)?$/.test(text);
}

export function isBootId(text: string): text is BootId {
  return /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/.test(text);
}

/** Pod names and namespaces come from the API server or the runtime, which have checked them; a path must not hide in them. */
export function podName(text: string): PodName {
  return text as PodName;
}

export function namespace(text: string): Namespace {
  return text as Namespace;
}
