import { describe, expect, it, vi } from "vitest";
import { ANSWERS } from "../../api-server/faults.ts";
import { CLAIMS, SLICES } from "../../api-server/resources.ts";
import { claim, pod, type Sample, slice } from "../../api-server/samples.ts";
import type { ApiServer, ApiServerOptions } from "../../api-server/start-api-server.ts";
import { devicesContract } from "../../contracts/devices.contract.ts";
import { apiServer, followed, keyOf, noHurry } from "./cluster.ts";

const SRIOV = "intel.com/sriov";
const DRIVER = "nics.example.com";

/** What a device says of itself for CNI plugins. */
const nic = (deviceID: string, resourceName: string = SRIOV) => ({
  "k8s.cni.cncf.io/deviceID": deviceID,
  "k8s.cni.cncf.io/resourceName": resourceName,
});

/** A device that a claim was given. */
const given = (device: string, request = "nic", driver = DRIVER, pool = "node-a") => ({
  request,
  driver,
  pool,
  device,
});

/** A pod whose claims were made for it. */
const claiming = (...names: readonly (string | null)[]): Sample =>
  pod({
    name: "web",
    uid: "uid-web",
    status: {
      resourceClaimStatuses: names.map((resourceClaimName, index) => ({ name: `c${index}`, resourceClaimName })),
    },
  });

/** A pod that requests a resource as such, for which its scheduler made a claim. */
const requesting = (...requestMappings: readonly { resourceName: string; requestName: string }[]): Sample =>
  pod({
    name: "web",
    uid: "uid-web",
    status: {
      extendedResourceClaimStatus: {
        resourceClaimName: "extended",
        requestMappings: requestMappings.map((mapping) => ({ containerName: "main", ...mapping })),
      },
    },
  });

const WEB = { ...keyOf("web"), uid: "uid-web" };
const DEVICES = slice({
  name: "slice-a",
  devices: {
    nic0: nic("0000:01:10.0"),
    nic1: nic("0000:01:10.1"),
    other: nic("0000:02:10.0", "intel.com/other"),
    nameless: { "k8s.cni.cncf.io/deviceID": "0000:03:10.0" },
    gpu: { model: "x" },
  },
});

async function clusterWith(objects: readonly Sample[], options: ApiServerOptions = {}) {
  const api = await apiServer(options);
  for (const object of objects) api.put(object);
  const { devices, problems, close } = await followed(api);
  api.reset();
  const found = async (): Promise<Readonly<Record<string, readonly string[]>>> =>
    Object.fromEntries(await devices.ofPod(WEB, noHurry));
  return { api, devices, problems, close, found };
}

/** How often what was asked for, but for the one watch that stands afterwards. */
const asked = (api: ApiServer): object => {
  const counts = Object.entries(api.counts()).filter(([what]) => what !== "watch resourceslices");
  return Object.fromEntries(counts);
};

devicesContract("resource claims", async (allocations) => {
  const api = await apiServer();
  const published: Record<string, Record<string, string>> = {};
  for (const [key, resources] of Object.entries(allocations)) {
    const [namespace = "", name = ""] = key.split("/");
    const ids = Object.entries(resources).flatMap(([resource, list]) => list.map((id) => ({ resource, id })));
    for (const { resource, id } of ids) published[`${name}-${id}`] = nic(id, resource);
    const results = ids.map(({ id }) => given(`${name}-${id}`));
    api.put(claim(`claim-of-${name}`, results, namespace));
    const status = { resourceClaimStatuses: [{ name: "c", resourceClaimName: `claim-of-${name}` }] };
    api.put(pod({ namespace, name, uid: `uid-${name}`, status }));
  }
  api.put(slice({ name: "slice", devices: published }));
  return (await followed(api)).devices;
});

describe("a pod's resource claims", () => {
  it.each([
    {
      why: "a claim with a device that names its resource (T257)",
      objects: [claiming("c"), claim("c", [given("nic0")])],
      want: { [SRIOV]: ["0000:01:10.0"] },
    },
    {
      why: "several devices for one request (T259)",
      objects: [claiming("c"), claim("c", [given("nic1"), given("nic0")])],
      want: { [SRIOV]: ["0000:01:10.0", "0000:01:10.1"] },
    },
    {
      why: "several resources in one claim (T259)",
      objects: [claiming("c"), claim("c", [given("nic0"), given("other", "second")])],
      want: { [SRIOV]: ["0000:01:10.0"], "intel.com/other": ["0000:02:10.0"] },
    },
    {
      why: "several claims (T259)",
      objects: [claiming("c", "d"), claim("c", [given("nic1")]), claim("d", [given("nic0")])],
      want: { [SRIOV]: ["0000:01:10.0", "0000:01:10.1"] },
    },
    {
      why: "a claim of that name in another namespace (T259)",
      objects: [claiming("c"), claim("c", [given("nic0")]), claim("c", [given("nic1")], "kube-system")],
      want: { [SRIOV]: ["0000:01:10.0"] },
    },
    {
      why: "a claim that was there before the pod, which only its spec names",
      objects: [
        pod({ name: "web", uid: "uid-web", spec: { resourceClaims: [{ name: "c", resourceClaimName: "c" }] } }),
        claim("c", [given("nic0")]),
      ],
      want: { [SRIOV]: ["0000:01:10.0"] },
    },
    {
      why: "a claim that is not needed, which has no name",
      objects: [claiming(null, "c"), claim("c", [given("nic0")])],
      want: { [SRIOV]: ["0000:01:10.0"] },
    },
    {
      why: "a device on another node (T258)",
      objects: [
        claiming("c"),
        claim("c", [given("nic0"), given("far", "nic", DRIVER, "node-b")]),
        slice({ name: "slice-b", node: "node-b", devices: { far: nic("0000:09:10.0") } }),
      ],
      want: { [SRIOV]: ["0000:01:10.0"] },
    },
    {
      why: "another driver's device of the same name",
      objects: [claiming("c"), claim("c", [given("nic0", "nic", "others.example.com")])],
      want: {},
    },
    {
      why: "a device that nobody publishes, one without an id, one without a resource (T261)",
      objects: [claiming("c"), claim("c", [given("gone"), given("gpu"), given("nameless"), given("nic0")])],
      want: { [SRIOV]: ["0000:01:10.0"] },
    },
    {
      why: "a pool that was published anew",
      objects: [
        claiming("c"),
        claim("c", [given("nic0")]),
        slice({ name: "slice-a2", generation: 2, devices: { nic0: nic("0000:01:11.0") } }),
      ],
      want: { [SRIOV]: ["0000:01:11.0"] },
    },
    {
      why: "a request for a resource as such (T262)",
      objects: [
        requesting({ resourceName: SRIOV, requestName: "r0" }),
        claim("extended", [given("nic0", "r0"), given("nic1", "r1")]),
      ],
      want: { [SRIOV]: ["0000:01:10.0"] },
    },
    {
      why: "a request for several (T262)",
      objects: [
        requesting({ resourceName: SRIOV, requestName: "r0" }),
        claim("extended", [given("nic1", "r0"), given("nic0", "r0")]),
      ],
      want: { [SRIOV]: ["0000:01:10.0", "0000:01:10.1"] },
    },
  ])("$why", async ({ objects, want }) => {
    const { found, problems } = await clusterWith([DEVICES, ...objects]);
    expect(await found()).toEqual(want);
    expect(problems).toEqual([]);
  });

  it.each([
    {
      why: "a claim that does not exist (T260)",
      objects: [claiming("c")],
      says: "resource claim default/c of the pod does not exist",
    },
    {
      why: "a claim that has not been allocated",
      objects: [claiming("c"), claim("c")],
      says: "resource claim default/c of the pod has no device allocation",
    },
    {
      why: "a request for a resource that its claim does not have (T262)",
      objects: [requesting({ resourceName: SRIOV, requestName: "r9" }), claim("extended", [given("nic0", "r0")])],
      says: "request r9 not found in resource claim extended",
    },
    {
      why: "a device of another resource than was requested (T262)",
      objects: [requesting({ resourceName: SRIOV, requestName: "r0" }), claim("extended", [given("other", "r0")])],
      says: `device ${DRIVER}/node-a/other, claimed as "${SRIOV}", is of resource "intel.com/other"`,
    },
    {
      why: "a requested device without an id (T262)",
      objects: [requesting({ resourceName: SRIOV, requestName: "r0" }), claim("extended", [given("gpu", "r0")])],
      says: `device ${DRIVER}/node-a/gpu, claimed as "${SRIOV}", has no device id`,
    },
  ])("fail with $why", async ({ objects, says }) => {
    const { found } = await clusterWith([DEVICES, ...objects]);
    await expect(found()).rejects.toMatchObject({ code: 107, message: says });
  });

  it("of a pod that was made since are not taken for those of the one before", async () => {
    const { devices } = await clusterWith([DEVICES, claiming("c"), claim("c", [given("nic0")])]);
    expect(await devices.ofPod({ ...WEB, uid: "uid-before" }, noHurry)).toEqual(new Map());
  });
});

describe("the API server", () => {
  it("is asked for the pod, each claim once, and the slices of the node once for all pods (T264)", async () => {
    const objects = [claiming("c", "d", "c"), claim("c", [given("nic0")]), claim("d", [given("nic1")]), DEVICES];
    const { api, found } = await clusterWith(objects);
    await found();
    expect(asked(api)).toEqual({ "get pods": 1, "get resourceclaims": 2, "list resourceslices": 1 });
    expect(api.requests().find(({ label }) => label === "list resourceslices")?.query).toMatchObject({
      fieldSelector: "spec.nodeName=node-a",
    });
    await api.until("the watch", () => api.watches(SLICES).length === 1);
    api.reset();
    await found();
    expect(api.counts()).toEqual({ "get pods": 1, "get resourceclaims": 2 });
  });

  it("is asked for nothing but the pod when that has no claims, as in clusters that know none (T265)", async () => {
    const { api, found } = await clusterWith([pod({ name: "web", uid: "uid-web" })], { without: [CLAIMS, SLICES] });
    expect(await found()).toEqual({});
    expect(api.counts()).toEqual({ "get pods": 1 });
  });

  it("that has claims of another version only is told of", async () => {
    const { found } = await clusterWith([claiming("c")], { without: [CLAIMS, SLICES] });
    await expect(found()).rejects.toMatchObject({ code: 107, details: expect.stringContaining("1.34") });
  });

  it.each([
    { why: "the pod", resource: "pods" },
    { why: "a claim", resource: "resourceclaims" },
  ])("that does not give $why just now: the runtime asks again", async ({ resource }) => {
    const { api, found } = await clusterWith([claiming("c"), claim("c", [given("nic0")]), DEVICES]);
    api.fail({ verb: "get", resource }, { does: "answer", answer: ANSWERS.unavailable });
    await expect(found()).rejects.toMatchObject({ code: 11, message: expect.stringContaining("answered 503") });
    expect(await found()).toEqual({ [SRIOV]: ["0000:01:10.0"] });
  });

  it("that does not give the slices is waited for as long as the caller wants", async () => {
    const { api, devices } = await clusterWith([claiming("c"), claim("c", [given("nic0")]), DEVICES]);
    api.fail({ verb: "list", resource: "resourceslices" }, { does: "answer", answer: ANSWERS.unavailable }, 1_000);
    const hurry = new AbortController();
    const found = devices.ofPod(WEB, hurry.signal);
    await api.until("a refusal", () => (api.counts()["list resourceslices"] ?? 0) > 0);
    hurry.abort();
    await expect(found).rejects.toMatchObject({ code: 11 });
    api.heal();
    await vi.waitFor(async () => {
      expect(Object.fromEntries(await devices.ofPod(WEB, noHurry))).toEqual({ [SRIOV]: ["0000:01:10.0"] });
    });
  });

  it("tells of devices that are published later", async () => {
    const { api, found } = await clusterWith([claiming("c"), claim("c", [given("late")]), DEVICES]);
    expect(await found()).toEqual({});
    await api.until("the watch", () => api.watches(SLICES).length === 1);
    api.put(slice({ name: "slice-late", devices: { late: nic("0000:04:10.0") } }));
    await vi.waitFor(async () => {
      expect(await found()).toEqual({ [SRIOV]: ["0000:04:10.0"] });
    });
  });

  it("that is asked when the daemon ends is not waited for", async () => {
    const { api, close, found } = await clusterWith([claiming("c")]);
    api.fail({ verb: "get", resource: "pods" }, { does: "hang" });
    const finding = found();
    finding.catch(() => undefined);
    await api.until("the question", () => api.counts()["get pods"] === 1);
    await close();
    await expect(finding).rejects.toMatchObject({ code: 11 });
  });
});
