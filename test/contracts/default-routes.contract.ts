import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { IpFamily } from "../../daemon/domain/addresses.ts";
import type { NetnsPath } from "../../daemon/domain/ids.ts";
import type { DefaultRoute, Sandboxes } from "../../daemon/ports/sandboxes.ts";

export interface DefaultRoutesStage {
  readonly sandboxes: Sandboxes;
  /** A network namespace with the links eth0, in 10.0.0.0/24 and fd00::/64, and net1, in 10.1.0.0/24 and fd01::/64. */
  readonly sandbox: NetnsPath;
  readonly missing: NetnsPath;
  readonly file: NetnsPath;
  readonly host: NetnsPath;
  clear(): Promise<void>;
}

/** The same questions of both families. */
const FAMILIES: readonly { family: IpFamily; other: IpFamily; gw0: string; gw1: string; elsewhere: string }[] = [
  { family: 4, other: 6, gw0: "10.0.0.1", gw1: "10.1.0.254", elsewhere: "10.9.9.9" },
  { family: 6, other: 4, gw0: "fd00::1", gw1: "fd01::fe", elsewhere: "fd09::9" },
];

const patient = new AbortController().signal;

/** Asks every question about default routes of the port Sandboxes. */
export function defaultRoutesContract(name: string, setTheStage: () => DefaultRoutesStage): void {
  describe(`default routes: ${name}`, () => {
    let stage: DefaultRoutesStage;
    beforeAll(() => {
      stage = setTheStage();
    });
    beforeEach(async () => {
      await stage.sandboxes.replaceDefaultRoutes(stage.sandbox, 4, [], patient);
      await stage.sandboxes.replaceDefaultRoutes(stage.sandbox, 6, [], patient);
    });
    afterAll(() => stage.clear());

    const read = async (family: IpFamily) => {
      const found = await stage.sandboxes.readDefaultRoutes(stage.sandbox, family, patient);
      return found.map(({ ifName, gateway }) => ({ ifName, gateway }));
    };

    describe.each(FAMILIES)("IPv$family", ({ family, other, gw0, gw1, elsewhere }) => {
      const replace = (...routes: readonly (DefaultRoute & { readonly ifName: string })[]) =>
        stage.sandboxes.replaceDefaultRoutes(stage.sandbox, family, routes, patient);
      const byEth0 = { ifName: "eth0", gateway: gw0 };
      const byNet1 = { ifName: "net1", gateway: gw1 };

      it("has no default routes at first", async () => {
        expect(await read(family)).toEqual([]);
      });

      it("has those that were made, instead of those before", async () => {
        await replace(byEth0);
        expect(await read(family)).toEqual([byEth0]);
        await replace(byNet1);
        expect(await read(family)).toEqual([byNet1]);
        expect(await read(other)).toEqual([]);
      });

      it("loses several at once, whatever their attributes", async () => {
        await replace(byEth0, { ...byNet1, attributes: ["metric", "2000", "proto", "static"] });
        expect(await read(family)).toEqual([byEth0, byNet1]);
        await replace();
        expect(await read(family)).toEqual([]);
      });

      it("gets back what was read, as it was", async () => {
        await replace(byEth0, { ...byNet1, attributes: ["metric", "2000", "proto", "static", "mtu", "1400"] });
        const before = await stage.sandboxes.readDefaultRoutes(stage.sandbox, family, patient);
        await replace(byNet1);
        await replace({ ...byEth0, ...before[0], ifName: "eth0" }, { ...byNet1, ...before[1], ifName: "net1" });
        expect(await stage.sandboxes.readDefaultRoutes(stage.sandbox, family, patient)).toEqual(before);
      });

      it("leaves the other family alone", async () => {
        await replace(byEth0);
        await stage.sandboxes.replaceDefaultRoutes(stage.sandbox, other, [], patient);
        expect(await read(family)).toEqual([byEth0]);
      });

      it.each([
        { why: "that no subnet has", via: { ifName: "net1", gateway: elsewhere } },
        { why: "that another interface has", via: { ifName: "net1", gateway: gw0 } },
      ])("has no use for a gateway $why", async ({ via }) => {
        await replace(byEth0);
        await expect(replace(via)).rejects.toMatchObject({ kind: "invalid-config" });
        expect(await read(family)).toEqual([]);
      });
    });

    it.each([
      { why: "that is gone", path: "missing" },
      { why: "that is a file", path: "file" },
      { why: "that is the host's", path: "host" },
    ] as const)("are not to be had in a namespace $why", async ({ path }) => {
      await expect(stage.sandboxes.readDefaultRoutes(stage[path], 4, patient)).rejects.toMatchObject({
        kind: "invalid-netns",
      });
      await expect(stage.sandboxes.replaceDefaultRoutes(stage[path], 4, [], patient)).rejects.toMatchObject({
        kind: "invalid-netns",
      });
    });

    it("stay as they are once the signal has been raised", async () => {
      const given = AbortSignal.abort();
      await expect(stage.sandboxes.readDefaultRoutes(stage.sandbox, 4, given)).rejects.toMatchObject({
        kind: "try-again-later",
      });
      await expect(stage.sandboxes.replaceDefaultRoutes(stage.sandbox, 4, [], given)).rejects.toMatchObject({
        kind: "try-again-later",
      });
    });
  });
}
