import { canonicalIp, type IpFamily } from "../../daemon/domain/addresses.ts";
import { PlexusError } from "../../daemon/domain/errors.ts";
import type { BootId, IfName, NetnsIdentity, NetnsPath } from "../../daemon/domain/ids.ts";
import { type DefaultRoute, MOST_NAMES_PER_LOOK, type Sandboxes } from "../../daemon/ports/sandboxes.ts";

/** Default routes by family. The test may change them at any time, as others on a node do. */
export type Routes = Record<IpFamily, readonly DefaultRoute[]>;

export interface MemorySandbox {
  readonly identity: NetnsIdentity;
  readonly links: ReadonlySet<IfName>;
  readonly routes: Routes;
}

/** What a path leads to, if anything. */
export type SandboxOrNot = MemorySandbox | "not-a-netns" | "host-netns";

export interface MemorySandboxes extends Sandboxes {
  /** Every read and change of routes, in short: `read 4`, `replace 4`. */
  readonly calls: readonly string[];
}

export const BOOT_ID = "6f0c6c4e-2f7b-4d0e-9c3a-5d1f3a0b9e77" as BootId;

/**
 * @param sandboxes what the test may change at any time; a path that is not in it is gone
 * @param mayBeGateway whether an address can be reached by way of an interface
 */
export function memorySandboxes(
  sandboxes: ReadonlyMap<NetnsPath, SandboxOrNot> = new Map(),
  mayBeGateway: (address: string, ifName: string) => boolean = () => false,
): MemorySandboxes {
  const calls: string[] = [];

  function routesIn(call: string, netns: NetnsPath, signal: AbortSignal): Routes {
    throwIfAborted(signal);
    calls.push(call);
    const found = sandboxes.get(netns);
    if (typeof found === "object") return found.routes;
    throw new PlexusError("invalid-netns", `${netns} is no network namespace of a sandbox`);
  }

  return {
    bootId: BOOT_ID,
    calls,
    look: async (netns, ifNames, signal) => {
      throwIfAborted(signal);
      if (ifNames.length > MOST_NAMES_PER_LOOK) throw new PlexusError("invalid-config", "too many interface names");
      const found = sandboxes.get(netns) ?? "netns-gone";
      if (typeof found === "string") return { found };
      const { identity, links } = found;
      return { found: "sandbox", identity, present: new Set(ifNames.filter((ifName) => links.has(ifName))) };
    },
    readDefaultRoutes: async (netns, family, signal) => routesIn(`read ${family}`, netns, signal)[family],
    replaceDefaultRoutes: async (netns, family, routes, signal) => {
      const all = routesIn(`replace ${family}`, netns, signal);
      all[family] = [];
      for (const route of routes) {
        const { gateway, ifName } = route;
        if (gateway !== undefined && (canonicalIp(gateway) !== gateway || !mayBeGateway(gateway, ifName))) {
          throw new PlexusError("invalid-config", "Nexthop has invalid gateway");
        }
        all[family] = [...all[family], route];
      }
    },
  };
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new PlexusError("try-again-later", "the request was cancelled");
}
