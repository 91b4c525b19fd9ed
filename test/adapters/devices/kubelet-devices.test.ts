import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { systemClock } from "../../../daemon/adapters/clock/system-clock.ts";
import { makeKubeletDevices } from "../../../daemon/adapters/devices/kubelet-devices.ts";
import { podName } from "../../../daemon/domain/ids.ts";
import type { Clock } from "../../../daemon/ports/clock.ts";
import { WEB } from "../../contracts/devices.contract.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { type Allocations, type Kubelet, startKubelet, writeCheckpoint } from "./kubelet.ts";

const SRIOV = "intel.com/sriov";
const noHurry = new AbortController().signal;
const DB = { ...WEB, name: podName("db"), uid: "uid-db" };

async function nodeWith(allocations: Allocations, manners: Partial<Pick<Kubelet, "get" | "list">> = {}) {
  const kubeletDir = await temporaryDirectory();
  const kubelet = Object.assign(await startKubelet(kubeletDir, allocations), manners);
  onTestFinished(() => kubelet.stop());
  const devices = makeKubeletDevices({ kubeletDir, protoDir: "proto", clock: systemClock });
  return { kubelet, devices, kubeletDir };
}

const asked = async (kubelet: Kubelet, what: readonly string[]): Promise<void> => {
  await vi.waitFor(() => {
    expect(kubelet.asked).toEqual(what);
  });
};

describe("the kubelet", () => {
  it("is asked about the one pod, and merges what its containers have", async () => {
    const { kubelet, devices } = await nodeWith({
      "shop/web": [{ [SRIOV]: ["dev2", "dev0"] }, { [SRIOV]: ["dev1"] }, {}],
    });
    expect(await devices.ofPod(WEB, noHurry)).toEqual(new Map([[SRIOV, ["dev0", "dev1", "dev2"]]]));
    expect(kubelet.asked).toEqual(["get shop/web"]);
  });

  it.each(["disabled", "unimplemented"] as const)(
    "is asked about all pods when telling of one is %s, and no more about one for a while",
    async (get) => {
      const { kubelet, devices } = await nodeWith({ "shop/web": [{ [SRIOV]: ["dev0"] }] }, { get });
      await devices.ofPod(WEB, noHurry);
      expect(await devices.ofPod(WEB, noHurry)).toEqual(new Map([[SRIOV, ["dev0"]]]));
      expect(kubelet.asked).toEqual(["get shop/web", "list", "list"]);
    },
  );

  it("that does not find one pod by name is still asked about one the next time", async () => {
    const { kubelet, devices } = await nodeWith({ "shop/web": [{ [SRIOV]: ["dev0"] }] });
    expect(await devices.ofPod(DB, noHurry)).toEqual(new Map());
    await devices.ofPod(WEB, noHurry);
    expect(kubelet.asked).toEqual(["get shop/db", "list", "get shop/web"]);
  });

  it("gives who comes while it answers about all pods its next answer", async () => {
    const { kubelet, devices } = await nodeWith({ "shop/web": [{ [SRIOV]: ["dev0"] }] }, { get: "disabled" });
    await devices.ofPod(DB, noHurry);
    const answering = Promise.withResolvers<undefined>();
    kubelet.hold = answering.promise;
    const first = devices.ofPod(WEB, noHurry);
    await asked(kubelet, ["get shop/db", "list", "list"]);
    // A pod that was not there when the answer was made up.
    kubelet.allocations = { "shop/web": [{ [SRIOV]: ["dev7"] }], "shop/db": [{ [SRIOV]: ["dev8"] }] };
    const later = Promise.all([WEB, DB, DB, WEB].map((pod) => devices.ofPod(pod, noHurry)));
    answering.resolve(undefined);
    expect(await first).toEqual(new Map([[SRIOV, ["dev0"]]]));
    expect((await later).map((found) => found.get(SRIOV))).toEqual([["dev7"], ["dev8"], ["dev8"], ["dev7"]]);
  });

  it.each(["get", "list"] as const)("that has too many questions is asked again (%s)", async (method) => {
    const { kubelet, devices } = await nodeWith(
      { "shop/web": [{ [SRIOV]: ["dev0"] }] },
      { get: "disabled", [method]: "exhausted" },
    );
    const found = devices.ofPod(WEB, noHurry);
    await vi.waitFor(() => {
      expect(kubelet.asked.length).toBeGreaterThan(3);
    });
    kubelet[method] = "answers";
    expect(await found).toEqual(new Map([[SRIOV, ["dev0"]]]));
  });

  it("that comes back is asked again", async () => {
    const kubeletDir = await temporaryDirectory();
    await mkdir(join(kubeletDir, "pod-resources"));
    await writeFile(join(kubeletDir, "pod-resources/kubelet.sock"), "nobody listens");
    const refused = Promise.withResolvers<undefined>();
    const sleep: Clock["sleep"] = (ms, signal) => {
      refused.resolve(undefined);
      return systemClock.sleep(ms, signal);
    };
    const devices = makeKubeletDevices({ kubeletDir, protoDir: "proto", clock: { ...systemClock, sleep } });
    const found = devices.ofPod(WEB, noHurry);
    await refused.promise;
    const again = await startKubelet(kubeletDir, { "shop/web": [{ [SRIOV]: ["dev0"] }] });
    onTestFinished(() => again.stop());
    expect(await found).toEqual(new Map([[SRIOV, ["dev0"]]]));
  });

  it.each(["get", "list"] as const)("that hangs is waited for as long as the caller wants (%s)", async (method) => {
    const { kubelet, devices } = await nodeWith({}, { get: "disabled", [method]: "hangs" });
    const hurry = new AbortController();
    const found = devices.ofPod(WEB, hurry.signal);
    await vi.waitFor(() => {
      expect(kubelet.asked.at(-1)?.startsWith(method)).toBe(true);
    });
    const before = kubelet.asked.length;
    hurry.abort();
    await expect(found).rejects.toMatchObject({ code: 11 });
    expect(kubelet.asked).toHaveLength(before);
  });

  it("may answer with more than gRPC takes by default", async () => {
    const many = Array.from({ length: 40_000 }, (_, index) => `${"x".repeat(200)}${index}`);
    const { devices } = await nodeWith(
      { "shop/db": [{ [SRIOV]: many }], "shop/web": [{ [SRIOV]: ["dev0"] }] },
      { get: "disabled" },
    );
    expect(await devices.ofPod(WEB, noHurry)).toEqual(new Map([[SRIOV, ["dev0"]]]));
  });
});

describe("without the kubelet's socket", () => {
  async function nodeWithFile(entries: readonly object[] | null) {
    const kubeletDir = await temporaryDirectory();
    await writeCheckpoint(kubeletDir, entries);
    return { kubeletDir, devices: makeKubeletDevices({ kubeletDir, protoDir: "proto", clock: systemClock }) };
  }
  const entry = (PodUID: string, DeviceIDs: unknown) => ({
    PodUID,
    ContainerName: "main",
    ResourceName: SRIOV,
    DeviceIDs,
  });

  it.each([
    { why: "by NUMA node", ids: { "1": ["dev3", "dev0"], "0": ["dev1"], "-1": null }, want: ["dev0", "dev1", "dev3"] },
    { why: "in one list, as before Kubernetes 1.20", ids: ["dev1", "dev0"], want: ["dev0", "dev1"] },
  ])("its checkpoint tells, with ids $why (T251, T253)", async ({ ids, want }) => {
    const { devices } = await nodeWithFile([entry("uid-other", ["dev9"]), entry("uid-web", ids)]);
    expect(await devices.ofPod(WEB, noHurry)).toEqual(new Map([[SRIOV, want]]));
  });

  it.each([
    { why: "no entries at all", entries: null },
    { why: "nothing in an entry", entries: [entry("uid-web", null)] },
  ])("a checkpoint with $why is one of a pod without devices", async ({ entries }) => {
    const { devices } = await nodeWithFile(entries);
    expect(await devices.ofPod(WEB, noHurry)).toEqual(new Map());
  });

  it("a pod whose UID is not known cannot be looked up (T253)", async () => {
    const { devices } = await nodeWithFile([entry("", ["dev0"])]);
    await expect(devices.ofPod({ ...WEB, uid: "" }, noHurry)).rejects.toMatchObject({
      kind: "io-failure",
      message: expect.stringContaining("UID is not known"),
    });
  });

  it.each([
    { why: "not JSON", text: "{" },
    { why: "something else", text: '{"Data":{"PodDeviceEntries":[{"PodUID":7}]}}' },
  ])("a checkpoint that is $why is told as such (T253)", async ({ text }) => {
    const { kubeletDir, devices } = await nodeWithFile(null);
    await writeFile(join(kubeletDir, "device-plugins/kubelet_internal_checkpoint"), text);
    await expect(devices.ofPod(WEB, noHurry)).rejects.toMatchObject({ kind: "decode-failure" });
  });

  it("and without its checkpoint nobody can tell (T251)", async () => {
    const kubeletDir = await temporaryDirectory();
    const devices = makeKubeletDevices({ kubeletDir, protoDir: "proto", clock: systemClock });
    await expect(devices.ofPod(WEB, noHurry)).rejects.toMatchObject({
      kind: "io-failure",
      message: expect.stringContaining("pod-resources/kubelet.sock is not there"),
      details: expect.stringContaining("kubeletDir"),
    });
  });

  it("a directory that is no directory says so", async () => {
    const directory = await temporaryDirectory();
    const kubeletDir = join(directory, "kubelet");
    await mkdir(join(kubeletDir, "device-plugins/kubelet_internal_checkpoint"), { recursive: true });
    const devices = makeKubeletDevices({ kubeletDir, protoDir: "proto", clock: systemClock });
    await expect(devices.ofPod(WEB, noHurry)).rejects.toMatchObject({
      kind: "io-failure",
      message: expect.stringContaining("EISDIR"),
    });
  });
});
