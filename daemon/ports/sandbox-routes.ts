import type { IpFamily } from "../domain/addresses.ts";
import type { NetnsPath } from "../domain/ids.ts";

/** One default route of a sandbox's main routing table. */
export interface DefaultRoute {
  /** Undefined when it has no one interface, as one over several or one that refuses has none. */
  readonly ifName: string | undefined;
  /** Undefined when it leads straight to a link. */
  readonly gateway: string | undefined;
  /** What else it has (metric, protocol, MTU ...), in the words of whoever read it. Not given: the kernel's defaults. */
  readonly attributes?: readonly string[];
}

/**
 * A sandbox's default routes. Both methods reject with `invalid-netns` for a path that leads to no network namespace or to the host's own,
 * `delegate-missing` when the node lacks the means, `try-again-later` if the signal was raised first, and `io-failure` for any other trouble.
 */
export interface SandboxRoutes {
  read(netns: NetnsPath, family: IpFamily, signal: AbortSignal): Promise<readonly DefaultRoute[]>;
  /**
   * Takes away every default route of this family, and makes these, each with an interface. Rejects with `invalid-config`, in the kernel's
   * words, when one cannot be made, an unreachable gateway above all; those before it then stand.
   */
  replace(
    netns: NetnsPath,
    family: IpFamily,
    routes: readonly (DefaultRoute & { readonly ifName: string })[],
    signal: AbortSignal,
  ): Promise<void>;
}
