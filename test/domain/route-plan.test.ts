import { describe, expect, it } from "vitest";
import { type IfName, isIfName } from "../../daemon/domain/ids.ts";
import { planDefaultRoutes, type RouteAsker, routeGoals } from "../../daemon/domain/route-plan.ts";
import { refusalOf } from "./refusal.ts";

const ifName = (text: string): IfName => (isIfName(text) ? text : expect.fail(text));

/** The pod's interfaces, in order, each with the default-route that was asked of it. */
function askers(...defaultRoutes: readonly (readonly string[] | undefined)[]): readonly RouteAsker[] {
  return defaultRoutes.map((defaultRoute, index) => ({
    ifName: ifName(index === 0 ? "eth0" : `net${index}`),
    network: `shop/n${index}`,
    defaultRoute,
  }));
}

describe("the default routes that a pod is to end with", () => {
  it.each([
    { why: "nobody asks, nothing is touched (T210)", asked: [undefined, undefined], want: [] },
    {
      why: "an IPv4 gateway touches IPv4 only: unlike Multus, which takes IPv6 too (T211, T216)",
      asked: [undefined, ["10.1.1.254"]],
      want: [{ family: 4, route: { gateway: "10.1.1.254", ifName: "net1", network: "shop/n1" } }],
    },
    {
      why: "an IPv6 gateway touches IPv6 only",
      asked: [undefined, ["fd00::1"]],
      want: [{ family: 6, route: { gateway: "fd00::1", ifName: "net1", network: "shop/n1" } }],
    },
    {
      why: "one of each by way of one interface (T212)",
      asked: [undefined, ["fd00::1", "10.1.1.254"]],
      want: [
        { family: 4, route: { gateway: "10.1.1.254", ifName: "net1", network: "shop/n1" } },
        { family: 6, route: { gateway: "fd00::1", ifName: "net1", network: "shop/n1" } },
      ],
    },
    {
      why: "one of each by way of two interfaces",
      asked: [undefined, ["10.1.1.254"], ["fd00::1"]],
      want: [
        { family: 4, route: { gateway: "10.1.1.254", ifName: "net1", network: "shop/n1" } },
        { family: 6, route: { gateway: "fd00::1", ifName: "net2", network: "shop/n2" } },
      ],
    },
    {
      why: "by way of the pod's default network",
      asked: [["10.0.0.254"], undefined],
      want: [{ family: 4, route: { gateway: "10.0.0.254", ifName: "eth0", network: "shop/n0" } }],
    },
    {
      why: "an empty list takes those of both families (T213)",
      asked: [undefined, []],
      want: [
        { family: 4, route: undefined },
        { family: 6, route: undefined },
      ],
    },
    {
      why: "an empty list beside a gateway leaves that gateway",
      asked: [[], ["10.1.1.254"]],
      want: [
        { family: 4, route: { gateway: "10.1.1.254", ifName: "net1", network: "shop/n1" } },
        { family: 6, route: undefined },
      ],
    },
    {
      why: "a gateway however it is written",
      asked: [["::FFFF:10.1.1.254", "FD00:0::0:1"]],
      want: [
        { family: 4, route: { gateway: "10.1.1.254", ifName: "eth0", network: "shop/n0" } },
        { family: 6, route: { gateway: "fd00::1", ifName: "eth0", network: "shop/n0" } },
      ],
    },
  ])("$why", ({ asked, want }) => {
    expect(planDefaultRoutes(askers(...asked))).toEqual(want);
  });

  it.each([
    {
      why: "two of IPv4 by way of two networks (T214)",
      asked: [undefined, ["10.1.1.254"], ["10.2.2.254"]],
      says: 'more than one IPv4 gateway: 10.1.1.254 by network "shop/n1", 10.2.2.254 by network "shop/n2"',
    },
    {
      why: "two of IPv6 by way of one network",
      asked: [undefined, ["fd00::1", "fd00::2"]],
      says: 'more than one IPv6 gateway: fd00::1 by network "shop/n1", fd00::2 by network "shop/n1"',
    },
    { why: "the same one twice", asked: [["10.1.1.254"], ["::ffff:10.1.1.254"]], says: "more than one IPv4 gateway" },
  ])("are refused when more than one gateway is asked for: $why", ({ asked, says }) => {
    expect(refusalOf(() => planDefaultRoutes(askers(...asked)))).toMatchObject({
      kind: "invalid-config",
      message: "multus does not support ECMP for default-route",
      details: expect.stringContaining(says) as string,
    });
  });
});

it("of two ADDs that each asked for a gateway the later one's stands", () => {
  expect(routeGoals(askers(["10.0.0.254"], ["10.1.1.254"]))).toEqual([
    { family: 4, route: { gateway: "10.1.1.254", ifName: "net1", network: "shop/n1" } },
  ]);
});
