import type { IpFamily } from "../domain/addresses.ts";
import type { BootId, IfName, NetnsIdentity, NetnsPath } from "../domain/ids.ts";

/** What is behind the path of a network namespace at this moment. */
export type NetnsView =
  | {
      readonly found: "sandbox";
      readonly identity: NetnsIdentity;
      /** Those of the requested interface names that the namespace has, alternative names included. */
      readonly present: ReadonlySet<IfName>;
    }
  /** Nothing can be opened at the path: it is missing, or a part of it is no directory. */
  | { readonly found: "netns-gone" }
  /** Something can be opened there, but it is no network namespace. */
  | { readonly found: "not-a-netns" }
  /** The network namespace of the host itself: same device and inode as the launcher's own. */
  | { readonly found: "host-netns" };

/** One default route of a sandbox's main routing table. */
export interface DefaultRoute {
  /** Undefined for a route over several interfaces, and for a route that refuses. */
  readonly ifName: string | undefined;
  /** Undefined for a route that leads straight to a link. */
  readonly gateway: string | undefined;
  /** Metric, protocol, MTU and the like, in iproute2's words. Not given: the kernel's defaults. */
  readonly attributes?: readonly string[];
}

/** The most interface names that one look takes. */
export const MOST_NAMES_PER_LOOK = 1000;

/**
 * The network namespaces of sandboxes. Every method rejects with `try-again-later` if the signal is
 * aborted first or the launcher ends, and with `io-failure` for any other trouble.
 */
export interface Sandboxes {
  /** Of the kernel that runs now. Never changes while the daemon runs. */
  readonly bootId: BootId;
  /**
   * Tells which namespace is behind the path, and which of these interfaces it has: one answer, one
   * moment. Rejects with `invalid-config` for more than MOST_NAMES_PER_LOOK names.
   */
  look(netns: NetnsPath, ifNames: readonly IfName[], signal: AbortSignal): Promise<NetnsView>;
  /**
   * This and `replaceDefaultRoutes` reject with `invalid-netns` for a path that leads to no network
   * namespace or to the host's own, and with `delegate-missing` when the node has no iproute2.
   */
  readDefaultRoutes(netns: NetnsPath, family: IpFamily, signal: AbortSignal): Promise<readonly DefaultRoute[]>;
  /**
   * Removes every default route of this family, then makes these, each with an interface. Rejects with
   * `invalid-config` and the kernel's reason when the kernel refuses one, for instance because its
   * gateway is unreachable; the routes before it then stand.
   */
  replaceDefaultRoutes(
    netns: NetnsPath,
    family: IpFamily,
    routes: readonly (DefaultRoute & { readonly ifName: string })[],
    signal: AbortSignal,
  ): Promise<void>;
}
