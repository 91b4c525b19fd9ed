import { describe, expect, it } from "vitest";
import { namespace } from "../../daemon/domain/ids.ts";
import type { NetworkDefinition } from "../../daemon/domain/network-definition.ts";
import type { Networks } from "../../daemon/ports/networks.ts";

/** What every implementation of the port promises. */
export function networksContract(
  name: string,
  make: (definitions: readonly NetworkDefinition[]) => Promise<Networks>,
): void {
  describe(`${name} as Networks`, () => {
    const [shop, bank] = [namespace("shop"), namespace("bank")];
    const blue = { namespace: shop, name: "blue", config: '{ "type": "bridge",\n  "mtu": 1.0 }' };
    const bankBlue = { namespace: bank, name: "blue", config: "{}" };
    const bare = { namespace: shop, name: "bare", config: "" };

    it("knows a network, its config as it was written", async () => {
      const networks = await make([blue, bare]);
      expect([networks.get(shop, "blue"), networks.get(shop, "bare")]).toEqual([blue, bare]);
    });

    it("tells networks of one name in two namespaces apart", async () => {
      const networks = await make([blue, bankBlue]);
      expect([networks.get(shop, "blue"), networks.get(bank, "blue")]).toEqual([blue, bankBlue]);
    });

    it("knows which resource a network needs a device of", async () => {
      const device = { ...blue, resourceName: "intel.com/sriov" };
      const networks = await make([device, bankBlue]);
      expect([networks.get(shop, "blue"), networks.get(bank, "blue")]).toEqual([device, bankBlue]);
    });

    it("does not know what there is not", async () => {
      const networks = await make([blue]);
      expect([networks.get(shop, "red"), networks.get(bank, "blue")]).toEqual([undefined, undefined]);
    });
  });
}
