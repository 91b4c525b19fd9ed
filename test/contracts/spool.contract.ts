import { describe, expect, it } from "vitest";
import type { BootId, NetnsIdentity } from "../../daemon/domain/ids.ts";
import type { SpooledDel, Spool } from "../../daemon/ports/spool.ts";

export type Del = Omit<SpooledDel, "id">;

export interface SpoolUnderTest {
  readonly spool: Spool;
  /** Leaves a DEL, as the executable would. */
  put(del: Del): Promise<void>;
  /** Makes every removal fail until told otherwise. */
  refuse(on: boolean): void;
}

function delOf(parts: Partial<Del> = {}): Del {
  return {
    at: 1000,
    containerId: "c1",
    ifName: "eth0",
    netns: "/run/netns/x",
    netnsOverride: "",
    args: "K8S_POD_NAME=web",
    path: "/opt/cni/bin",
    conf: '{"name":"plexus","mtu":0}',
    ...parts,
  };
}

/** What every implementation of the port promises. */
export function spoolContract(name: string, make: () => Promise<SpoolUnderTest>): void {
  describe(`${name} as a Spool`, () => {
    const dels = async (spool: Spool): Promise<readonly Del[]> =>
      (await spool.entries()).map(({ id: _, ...del }) => del);
    const idOf = async (spool: Spool, containerId: string): Promise<string> =>
      (await spool.entries()).find((entry) => entry.containerId === containerId)?.id ?? "";

    it("has nothing at first", async () => {
      const { spool } = await make();
      expect(await spool.entries()).toEqual([]);
    });

    it("gives back what was left, oldest first", async () => {
      const { spool, put } = await make();
      const [first, second, third] = [
        delOf({ at: 1, containerId: "b" }),
        delOf({ at: 2, containerId: "c", ifName: "é@0", netns: "", netnsOverride: "1" }),
        delOf({ at: 3, containerId: "a" }),
      ];
      for (const del of [third, first, second]) await put(del);
      expect(await dels(spool)).toEqual([first, second, third]);
    });

    it("keeps the latest DEL of a container and interface", async () => {
      const { spool, put } = await make();
      await put(delOf({ at: 1 }));
      await put(delOf({ at: 1, ifName: "eth1" }));
      await put(delOf({ at: 2 }));
      expect(await dels(spool)).toEqual([delOf({ at: 1, ifName: "eth1" }), delOf({ at: 2 })]);
    });

    it("forgets what is removed and nothing else, and does not mind being told twice", async () => {
      const { spool, put } = await make();
      await put(delOf({ containerId: "a" }));
      await put(delOf({ containerId: "b" }));
      const id = await idOf(spool, "a");
      await spool.remove(id);
      await spool.remove(id);
      expect(await dels(spool)).toEqual([delOf({ containerId: "b" })]);
    });

    it("does not forget a later DEL in place of the one that was done", async () => {
      const { spool, put } = await make();
      await put(delOf({ at: 1 }));
      const id = await idOf(spool, "c1");
      await put(delOf({ at: 2 }));
      await spool.remove(id);
      expect(await dels(spool)).toEqual([delOf({ at: 2 })]);
    });

    it("gives back which network namespace the DEL was for", async () => {
      const { spool, put } = await make();
      const bootId = "00000000-0000-4000-8000-000000000009" as BootId;
      const del = delOf({ spooledNetns: { identity: "4:17:5" as NetnsIdentity, bootId } });
      await put(del);
      expect(await dels(spool)).toEqual([del]);
    });

    it("still owes what cannot be removed", async () => {
      const { spool, put, refuse } = await make();
      await put(delOf());
      const id = await idOf(spool, "c1");
      refuse(true);
      await expect(spool.remove(id)).rejects.toMatchObject({ kind: "io-failure" });
      expect(await dels(spool)).toEqual([delOf()]);
      refuse(false);
      await spool.remove(id);
      expect(await dels(spool)).toEqual([]);
    });
  });
}
