/**
 * Which default routes a sandbox is to end with (spec §4.7). Unlike Multus, which takes both families' routes whatever was asked for,
 * only families that were asked for are touched.
 */
import { canonicalIp, type IpFamily, ipFamily } from "./addresses.ts";
import { PlexusError } from "./errors.ts";
import type { IfName } from "./ids.ts";

/** What an attachment asks of the sandbox's default routes. */
export interface RouteAsker {
  readonly ifName: IfName;
  readonly network: string;
  /** Gateways that are to be the only default ones of their families, by way of this interface. An empty list: no default routes at all. */
  readonly defaultRoute?: readonly string[] | undefined;
}

/** How one family's default routes are to be in the end. */
export interface RouteGoal {
  readonly family: IpFamily;
  /** The only one; undefined when there is to be none. */
  readonly route: { readonly gateway: string; readonly ifName: IfName; readonly network: string } | undefined;
}

/**
 * The families to be changed; none when no network asks for anything.
 * @throws PlexusError `invalid-config` when more than one gateway of a family is asked for
 */
export function planDefaultRoutes(askers: readonly RouteAsker[]): readonly RouteGoal[] {
  for (const family of FAMILIES) refuseSeveral(askers, family);
  return routeGoals(askers);
}

/** Like planDefaultRoutes, for what has been planned before. Networks of two ADDs may each have asked for a gateway; the later one's stands. */
export function routeGoals(askers: readonly RouteAsker[]): readonly RouteGoal[] {
  const dropsAll = askers.some(({ defaultRoute }) => defaultRoute?.length === 0);
  return FAMILIES.flatMap((family): RouteGoal[] => {
    const route = gatewaysOf(askers, family).at(-1);
    return route === undefined && !dropsAll ? [] : [{ family, route }];
  });
}

const FAMILIES: readonly IpFamily[] = [4, 6];

function gatewaysOf(askers: readonly RouteAsker[], family: IpFamily) {
  return askers.flatMap(({ ifName, network, defaultRoute = [] }) =>
    defaultRoute
      .filter((text) => ipFamily(text) === family)
      .map((text) => ({ gateway: canonicalIp(text) ?? text, ifName, network })),
  );
}

function refuseSeveral(askers: readonly RouteAsker[], family: IpFamily): void {
  const gateways = gatewaysOf(askers, family);
  if (gateways.length < 2) return;
  const asked = gateways.map(({ gateway, network }) => `${gateway} by network "${network}"`);
  throw new PlexusError("invalid-config", "multus does not support ECMP for default-route", {
    details: `the pod asks for more than one IPv${family} gateway: ${asked.join(", ")}; leave default-route to one of them`,
  });
}
