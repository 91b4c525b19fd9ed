import { describe, expect, it } from "vitest";
import { namespace, podName } from "../../daemon/domain/ids.ts";
import type { Pod } from "../../daemon/domain/pod.ts";
import type { Pods } from "../../daemon/ports/pods.ts";

/**
 * What every implementation of the port promises.
 * @param make waits for an unknown pod for at most `waitMs`, if it waits at all
 */
export function podsContract(name: string, make: (pods: readonly Pod[], waitMs: number) => Promise<Pods>): void {
  describe(`${name} as Pods`, () => {
    const key = { namespace: namespace("shop"), name: podName("web") };
    const web: Pod = { ...key, uid: "uid-1", annotations: { "k8s.v1.cni.cncf.io/networks": "blue, bank/red@net7" } };
    const plain: Pod = { ...key, name: podName("plain"), uid: "", annotations: {} };
    const never = 3_600_000;
    const noHurry = new AbortController().signal;

    it("knows a pod, with or without annotations", async () => {
      const pods = await make([web, plain], never);
      expect([await pods.get(key, noHurry), await pods.get(plain, noHurry)]).toEqual([web, plain]);
    });

    it("does not take a pod of another namespace for it", async () => {
      const pods = await make([web], 0);
      expect(await pods.get({ ...key, namespace: namespace("bank") }, noHurry)).toBeUndefined();
    });

    it("says so when a pod does not turn up in time", async () => {
      const pods = await make([], 0);
      expect(await pods.get(key, noHurry)).toBeUndefined();
    });

    it("stops waiting when the signal is raised", async () => {
      const pods = await make([], never);
      const hurry = new AbortController();
      const getting = pods.get(key, hurry.signal);
      hurry.abort();
      expect(await getting).toBeUndefined();
    });

    it("gives a pod that is known and not meant, once it was waited for", async () => {
      const pods = await make([web], 0);
      const seen: string[] = [];
      const isMeant = ({ uid }: Pod): boolean => seen.push(uid) < 0;
      expect(await pods.get(key, noHurry, isMeant)).toEqual(web);
    });

    it("does not begin to wait when the signal was raised before", async () => {
      const pods = await make([web], never);
      expect(await pods.get({ ...key, name: podName("other") }, AbortSignal.abort())).toBeUndefined();
    });
  });
}
