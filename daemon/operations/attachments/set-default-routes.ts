/** Brings a sandbox's default routes to what its pod asked for, when all of its networks are attached. */
import { canonicalIp, type IpFamily } from "../../domain/addresses.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { IfName, NetnsPath } from "../../domain/ids.ts";
import type { RouteGoal } from "../../domain/route-plan.ts";
import type { DefaultRoute, Sandboxes } from "../../ports/sandboxes.ts";

export interface DefaultRouteChange {
  /** Rejects with a PlexusError if a goal could not be reached; what was done until then is for `restore` to take back. */
  set(signal: AbortSignal): Promise<void>;
  /** Puts back what `set` took from interfaces that are not the ADD's own. Does nothing, and runs nothing, unless it took any. */
  restore(signal: AbortSignal): Promise<void>;
}

/** @param ours the ADD's own interfaces, which go when it fails, and their routes with them */
export function makeDefaultRouteChange(
  sandboxes: Pick<Sandboxes, "readDefaultRoutes" | "replaceDefaultRoutes">,
  netns: NetnsPath,
  goals: readonly RouteGoal[],
  ours: ReadonlySet<IfName>,
): DefaultRouteChange {
  const theirs = new Map<IpFamily, readonly ForeignRoute[]>();

  async function reach(goal: RouteGoal, signal: AbortSignal): Promise<void> {
    const { family, route } = goal;
    const before = await sandboxes.readDefaultRoutes(netns, family, signal);
    if (isReached(goal, before)) return;
    theirs.set(family, before.filter(isForeign));
    await sandboxes.replaceDefaultRoutes(
      netns,
      family,
      route === undefined ? [] : [{ ifName: route.ifName, gateway: route.gateway }],
      signal,
    );
    const after = await sandboxes.readDefaultRoutes(netns, family, signal);
    if (isReached(goal, after)) return;
    throw new PlexusError("io-failure", `the sandbox has other IPv${family} default routes than were just set`, {
      details: `it has ${after.length}; look for what else in the pod's network namespace sets default routes`,
    });
  }

  function isForeign(route: DefaultRoute): route is ForeignRoute {
    return route.ifName !== undefined && !(ours as ReadonlySet<string>).has(route.ifName);
  }

  return {
    async set(signal) {
      for (const goal of goals) {
        await reach(goal, signal).catch((thrown: unknown) => {
          throw failure(goal, thrown);
        });
      }
    },
    async restore(signal) {
      for (const [family, foreign] of theirs) {
        if (foreign.length > 0) await sandboxes.replaceDefaultRoutes(netns, family, foreign, signal);
      }
    },
  };
}

type ForeignRoute = DefaultRoute & { readonly ifName: string };

function isReached({ route }: RouteGoal, found: readonly DefaultRoute[]): boolean {
  if (route === undefined) return found.length === 0;
  const [only, ...more] = found;
  return more.length === 0 && only?.ifName === route.ifName && canonicalIp(only.gateway ?? "") === route.gateway;
}

/** Begins as Multus' message does (spec §1.2): people search for it. */
function failure({ family, route }: RouteGoal, thrown: unknown): PlexusError {
  const error = PlexusError.from(thrown);
  if (route === undefined) return error.within(`error deleting default gateway of IPv${family}: `);
  const { gateway, ifName, network } = route;
  const prefix = `error setting default gateway: ${gateway} by way of interface ${ifName}, network "${network}": `;
  if (error.kind !== "invalid-config") return error.within(prefix);
  const details = `the gateway must be in a subnet of ${ifName}: correct default-route in the pod's networks annotation, or the network's ipam`;
  return error.within(prefix, { details });
}
