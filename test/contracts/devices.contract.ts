import { describe, expect, it } from "vitest";
import { namespace, podName } from "../../daemon/domain/ids.ts";
import type { Devices } from "../../daemon/ports/devices.ts";

/** By pod, as `<namespace>/<name>`, and by resource. */
export type Given = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

export const WEB = { namespace: namespace("shop"), name: podName("web"), uid: "uid-web" };

/**
 * What every implementation of the port promises.
 * @param make sets these devices apart; a pod's uid is `uid-` and its name
 */
export function devicesContract(name: string, make: (given: Given) => Promise<Devices>): void {
  describe(`${name} as Devices`, () => {
    const noHurry = new AbortController().signal;
    const found = async (devices: Devices, pod: typeof WEB) => Object.fromEntries(await devices.ofPod(pod, noHurry));

    it("knows a pod's devices, those of each resource in order, whatever the order they are listed in (T250)", async () => {
      const devices = await make({ "shop/web": { "intel.com/sriov": ["dev1", "dev0"], "intel.com/other": ["x"] } });
      expect(await found(devices, WEB)).toEqual({ "intel.com/sriov": ["dev0", "dev1"], "intel.com/other": ["x"] });
    });

    it("does not take another pod's devices for it, nor those of a namesake in another namespace", async () => {
      const given = { "shop/web": { "intel.com/sriov": ["dev0"] }, "shop/db": { "intel.com/sriov": ["dev1"] } };
      const devices = await make(given);
      expect(await found(devices, { ...WEB, name: podName("db"), uid: "uid-db" })).toEqual({
        "intel.com/sriov": ["dev1"],
      });
      expect(await found(devices, { ...WEB, namespace: namespace("bank"), uid: "uid-bank" })).toEqual({});
    });

    it("has none of a pod that nobody knows (T252)", async () => {
      const devices = await make({});
      expect(await found(devices, { ...WEB, name: podName("nobody"), uid: "uid-nobody" })).toEqual({});
    });

    it("gives up when the signal is raised", async () => {
      const devices = await make({ "shop/web": { "intel.com/sriov": ["dev0"] } });
      await expect(devices.ofPod(WEB, AbortSignal.abort())).rejects.toMatchObject({ code: 11 });
    });
  });
}
