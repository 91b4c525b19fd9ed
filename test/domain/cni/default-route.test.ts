import { describe, expect, it } from "vitest";
import { withDefaultRoute } from "../../../daemon/domain/cni/default-route.ts";
import { refusalOf } from "../refusal.ts";

const LAN = { dst: "10.1.0.0/16", gw: "10.0.0.2" };
const V4 = { dst: "0.0.0.0/0", gw: "10.0.0.1" };
const V6 = { dst: "::/0", gw: "fd00::1" };

const changed = (result: object, family: 4 | 6, gateway?: string): unknown =>
  JSON.parse(withDefaultRoute(JSON.stringify(result), "1.0.0", family, gateway));

describe("a result whose default route was changed", () => {
  describe.each(["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])("in version %s (T218)", (cniVersion) => {
    it.each([
      { why: "loses one among others", routes: [LAN, V4, V6], family: 4, want: { routes: [LAN, V6] } },
      { why: "loses one of IPv6 (T220)", routes: [LAN, V4, V6], family: 6, want: { routes: [LAN, V4] } },
      { why: "loses its only one, and the key", routes: [V4], family: 4, want: {} },
      {
        why: "gets another in its place",
        routes: [V4, LAN],
        family: 4,
        gateway: "10.0.0.9",
        want: { routes: [LAN, { dst: "0.0.0.0/0", gw: "10.0.0.9" }] },
      },
      {
        why: "gets its first one",
        routes: undefined,
        family: 6,
        gateway: "fd00::9",
        want: { routes: [{ dst: "::/0", gw: "fd00::9" }] },
      },
    ] as const)("$why", ({ routes, family, want, ...rest }) => {
      const gateway = "gateway" in rest ? rest.gateway : undefined;
      expect(changed({ cniVersion, routes }, family, gateway)).toEqual({ cniVersion, ...want });
    });
  });

  it.each([
    {
      why: "loses one among others",
      given: { ip4: { ip: "10.0.0.5/24", routes: [V4, LAN] }, ip6: { ip: "fd00::5/64", routes: [V6] } },
      want: { ip4: { ip: "10.0.0.5/24", routes: [LAN] }, ip6: { ip: "fd00::5/64", routes: [V6] } },
    },
    {
      why: "loses its only one, and the key",
      given: { ip4: { ip: "10.0.0.5/24", gateway: "10.0.0.1", routes: [V4] } },
      want: { ip4: { ip: "10.0.0.5/24", gateway: "10.0.0.1" } },
    },
    {
      why: "gets another",
      given: { ip4: { ip: "10.0.0.5/24", routes: [V4] } },
      gateway: "10.0.0.9",
      want: { ip4: { ip: "10.0.0.5/24", routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.9" }] } },
    },
    {
      why: "has no place for one without an address of its family",
      given: { ip6: { ip: "fd00::5/64" } },
      gateway: "10.0.0.9",
      want: { ip6: { ip: "fd00::5/64" } },
    },
  ])("in version 0.2.0 $why (T218)", ({ given, gateway, want }) => {
    expect(changed({ cniVersion: "0.2.0", ...given }, 4, gateway)).toEqual({ cniVersion: "0.2.0", ...want });
  });

  it.each(["::/0", "0::0/0", "0:0:0:0:0:0:0:0/0", "::0/0"])("loses it when it is written %s (T220)", (dst) => {
    expect(changed({ routes: [{ dst, gw: "fd00::1" }] }, 6)).toEqual({});
  });

  it("keeps everything else as it was printed", () => {
    const printed = '{"exact": 12345678901234567890,"routes": [{"dst": "10.0.0.0/8", "x": 1e2},{"dst":"0.0.0.0/0"}]}';
    expect(withDefaultRoute(printed, "1.0.0", 4, undefined)).toBe(
      '{"exact":12345678901234567890,"routes":[{"dst": "10.0.0.0/8", "x": 1e2}]}',
    );
  });

  it("is in the conf's version when it names none", () => {
    const text = JSON.stringify({ ip4: { ip: "10.0.0.5/24", routes: [V4] } });
    expect(JSON.parse(withDefaultRoute(text, "0.2.0", 4, undefined))).toEqual({ ip4: { ip: "10.0.0.5/24" } });
  });

  it("is refused in a version that there is not (T219)", () => {
    expect(refusalOf(() => changed({ cniVersion: "0.9.0" }, 4))).toMatchObject({ kind: "incompatible-version" });
  });
});
