import { canonicalIp, type IpFamily } from "../../daemon/domain/addresses.ts";
import { PlexusError } from "../../daemon/domain/errors.ts";
import type { NetnsPath } from "../../daemon/domain/ids.ts";
import type { DefaultRoute, SandboxRoutes } from "../../daemon/ports/sandbox-routes.ts";

/** Default routes by family. The test may change them at any time, as others on a node do. */
export type Routes = Record<IpFamily, readonly DefaultRoute[]>;

/** What a path leads to, if anything. */
export type RoutesOrNot = Routes | "not-a-netns" | "host-netns";

export interface MemorySandboxRoutes extends SandboxRoutes {
  /** Every call, in short: `read 4`, `replace 4`. */
  readonly calls: readonly string[];
}

/** @param mayBeGateway whether an address can be reached by way of an interface */
export function memorySandboxRoutes(
  sandboxes: ReadonlyMap<NetnsPath, RoutesOrNot>,
  mayBeGateway: (address: string, ifName: string) => boolean,
): MemorySandboxRoutes {
  const calls: string[] = [];

  function routesIn(call: string, netns: NetnsPath, signal: AbortSignal): Routes {
    if (signal.aborted) throw new PlexusError("try-again-later", "given up");
    calls.push(call);
    const found = sandboxes.get(netns);
    if (typeof found === "object") return found;
    throw new PlexusError("invalid-netns", `${netns} is no network namespace of a sandbox`);
  }

  return {
    calls,
    read: async (netns, family, signal) => routesIn(`read ${family}`, netns, signal)[family],
    replace: async (netns, family, routes, signal) => {
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
