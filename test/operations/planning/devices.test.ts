import { describe, expect, it } from "vitest";
import { parseCniArgs } from "../../../daemon/domain/cni/args.ts";
import { PlexusError } from "../../../daemon/domain/errors.ts";
import { type IfName, isIfName, isSandboxId, type SandboxId } from "../../../daemon/domain/ids.ts";
import type { Devices } from "../../../daemon/ports/devices.ts";
import type { PluginRun } from "../../../daemon/ports/plugin-runner.ts";
import { fixedDevices } from "../../fakes/fixed-devices.ts";
import { fails } from "../../fakes/scripted-plugin-runner.ts";
import {
  addRequest,
  delRequest,
  netConf,
  obedient,
  POD_ARGS,
  said,
  sandbox,
  stage,
  type StageOptions,
  stdinOf,
} from "../stage.ts";

const SRIOV = "intel.com/sriov";
const VFS = '{"cniVersion":"1.0.0","type":"sriov","capabilities":{"deviceID":true,"CNIDeviceInfoFile":true}}';
const NOTE = '{"type":"pci","version":"1.1.0","pci":{"pci-address":"dev0"}}';

const given = (ids: readonly string[]): Devices => fixedDevices({ "shop/web": { [SRIOV]: ids } });

/** A node whose NADs vf and vf2 need a device of one resource each, and plain none. */
function nodeWith(options: StageOptions) {
  return stage({
    nads: { vf: VFS, vf2: VFS, plain: '{"cniVersion":"1.0.0","type":"macvlan"}' },
    resources: { vf: SRIOV, vf2: SRIOV },
    ...options,
  });
}

/** `net1 dev0`: what each sriov plugin was told on ADD, under both names. */
function told(runs: readonly PluginRun[]): readonly string[] {
  return runs
    .filter((run) => run.type === "sriov" && run.env["CNI_COMMAND"] === "ADD")
    .map((run) => {
      const { deviceID, pciBusID } = stdinOf(run);
      return [run.env["CNI_IFNAME"], deviceID, pciBusID].join(" ");
    });
}

const ifName = (text: string): IfName => (isIfName(text) ? text : expect.fail(text));
const sandboxId = (text: string): SandboxId => (isSandboxId(text) ? text : expect.fail(text));

describe("a network that needs a device", () => {
  it("is told of one, in the conf and as a capability", async () => {
    const node = nodeWith({ annotation: "vf", devices: [given(["dev0"])] });
    await node.add(addRequest(), node.scope());
    expect(stdinOf(node.runner.runs[1])).toMatchObject({
      deviceID: "dev0",
      pciBusID: "dev0",
      runtimeConfig: { deviceID: "dev0" },
    });
  });

  it("is told where its device's information is (T204)", async () => {
    const node = nodeWith({ annotation: "vf", devices: [given(["dev0"])] });
    await node.add(addRequest(), node.scope());
    expect(stdinOf(node.runner.runs[1])).toMatchObject({
      runtimeConfig: { CNIDeviceInfoFile: `/var/run/k8s.cni.cncf.io/devinfo/cni/shop-vf-${sandbox}_net1` },
    });
  });

  it("is told the same on DEL, from the record alone", async () => {
    const node = nodeWith({ annotation: "vf", devices: [given(["dev0"])] });
    await node.add(addRequest(), node.scope());
    node.podBecomes("gone");
    await node.del(delRequest, node.scope());
    const [added, deleted] = node.runner.runs.filter(({ type }) => type === "sriov").map(stdinOf);
    expect(deleted).toMatchObject({ deviceID: "dev0", runtimeConfig: added?.["runtimeConfig"] });
  });

  it("shares with the others: each has one of its own, in order (T254)", async () => {
    const node = nodeWith({ annotation: "vf,plain,vf,vf2", devices: [given(["dev2", "dev0", "dev1"])] });
    await node.add(addRequest(), node.scope());
    expect(told(node.runner.runs)).toEqual(["net1 dev0 dev0", "net3 dev1 dev1", "net4 dev2 dev2"]);
  });

  it("shares with the default network that the pod chose (T256)", async () => {
    const annotations = { "v1.multus-cni.io/default-network": "shop/vf" };
    const node = nodeWith({ annotation: "vf2", annotations, devices: [given(["dev0", "dev1"])] });
    await node.add(addRequest(), node.scope());
    expect(told(node.runner.runs)).toEqual(["eth0 dev0 dev0", "net1 dev1 dev1"]);
    expect(stdinOf(node.runner.runs[0])).toMatchObject({ runtimeConfig: { deviceID: "dev0" } });
  });

  it("shares with the cluster's networks", async () => {
    const node = nodeWith({
      annotation: "vf",
      nads: { vf: VFS, "kube-system/first": VFS, "kube-system/more": VFS },
      resources: { vf: SRIOV, "kube-system/first": SRIOV, "kube-system/more": SRIOV },
      devices: [given(["dev0", "dev1", "dev2"])],
    });
    const conf = netConf("", ',"clusterNetwork":"first","defaultNetworks":["more"]');
    await node.add(addRequest({ netConf: conf }), node.scope());
    expect(told(node.runner.runs)).toEqual(["eth0 dev0 dev0", "net1 dev1 dev1", "net2 dev2 dev2"]);
  });

  it("shares with what the sandbox has as another interface, for as long as it has it", async () => {
    const node = nodeWith({ annotation: "vf", devices: [given(["dev0", "dev1"])] });
    const second = addRequest({ ifName: ifName("eth1") });
    await node.add(addRequest(), node.scope());
    await node.add(second, node.scope());
    expect(told(node.runner.runs)).toEqual(["net1 dev0 dev0", "net1 dev1 dev1"]);
    await node.del(delRequest, node.scope());
    await node.add(addRequest(), node.scope());
    expect(told(node.runner.runs).at(-1)).toBe("net1 dev0 dev0");
  });

  it("has the same device again after its ADD failed", async () => {
    let broken = true;
    const node = nodeWith({
      annotation: "vf",
      devices: [given(["dev0"])],
      script: (run) => (broken && said(run) === "ADD net1 sriov" ? fails("no") : obedient(run)),
    });
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow();
    broken = false;
    await node.add(addRequest(), node.scope());
    expect(told(node.runner.runs)).toEqual(["net1 dev0 dev0", "net1 dev0 dev0"]);
  });

  it("is on record with its device before its plugin runs", async () => {
    const seen: unknown[] = [];
    const node = nodeWith({
      annotation: "vf",
      devices: [given(["dev0"])],
      script: async (run) => {
        seen.push((await node.journal.read(sandbox))?.attachments.map(({ device }) => device));
        return obedient(run);
      },
    });
    await node.add(addRequest(), node.scope());
    expect(seen[0]).toEqual([undefined, { resource: SRIOV, id: "dev0" }]);
  });
});

describe("a pod without a device for a network that needs one", () => {
  it.each([
    {
      why: "fewer than its networks need (T255)",
      annotation: "vf,vf,vf",
      ids: ["dev0", "dev1"],
      has: "2 of intel.com/sriov",
    },
    { why: "none", annotation: "vf", ids: [], has: "none at all" },
  ])("is refused before anything runs, and told what it has: $why", async ({ annotation, ids, has }) => {
    const node = nodeWith({ annotation, devices: [given(ids)] });
    await expect(node.add(addRequest(), node.scope())).rejects.toMatchObject({
      code: 107,
      message: `[shop/web/uid-1]: network "shop/vf" needs a device of resource "${SRIOV}", and the pod has none left: set apart for it are ${has}`,
      details: expect.stringContaining("resources"),
    });
    expect(node.said()).toEqual([]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("that nobody knows is refused the same way (T252)", async () => {
    const node = nodeWith({ annotation: "vf", devices: [fixedDevices({})] });
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow(/set apart for it are none at all$/);
  });

  it("is attached without one under strictCompat, as Multus does, and the log says so (T255)", async () => {
    const node = nodeWith({ annotation: "vf,vf2", devices: [given(["dev0"])] });
    const strict = addRequest({ netConf: netConf('{"name":"pods","type":"bridge"}', ',"strictCompat":true') });
    await node.add(strict, node.scope());
    expect(told(node.runner.runs)).toEqual(["net1 dev0 dev0", "net2  "]);
    expect(node.warnings).toEqual([expect.stringMatching(/"shop\/vf2" needs a device .* it is attached without one$/)]);
  });

  it("has the one that its annotation names, as a capability only", async () => {
    const node = nodeWith({ annotation: '[{"name":"vf","deviceID":"0000:ff:00.0"}]', devices: [given([])] });
    await node.add(addRequest(), node.scope());
    expect(told(node.runner.runs)).toEqual(["net1  "]);
    expect(stdinOf(node.runner.runs[1])).toMatchObject({
      runtimeConfig: { deviceID: "0000:ff:00.0", CNIDeviceInfoFile: expect.stringContaining("_net1") },
    });
  });
});

describe("those who set devices apart", () => {
  it("are not asked for a pod whose networks need none", async () => {
    const devices = fixedDevices({});
    const node = nodeWith({ annotation: "plain", devices: [devices] });
    await node.add(addRequest(), node.scope());
    expect(devices.askedFor).toEqual([]);
  });

  it("are asked once for all networks, and the second one only when the first has not enough", async () => {
    const [first, second] = [fixedDevices({ "shop/web": { [SRIOV]: ["dev0", "dev1"] } }), fixedDevices({})];
    const node = nodeWith({ annotation: "vf,vf2", devices: [first, second] });
    await node.add(addRequest(), node.scope());
    expect([first.askedFor, second.askedFor]).toEqual([["shop/web/uid-1"], []]);
  });

  it("have what they have together (T263)", async () => {
    const [first, second] = [given(["dev2"]), given(["dev1", "dev2"])];
    const node = nodeWith({ annotation: "vf,vf2", devices: [first, second] });
    await node.add(addRequest(), node.scope());
    expect(told(node.runner.runs)).toEqual(["net1 dev1 dev1", "net2 dev2 dev2"]);
  });

  it("are asked with the UID that the runtime gives: a static pod's mirror has another", async () => {
    const devices = fixedDevices({ "shop/web": { [SRIOV]: ["dev0"] } });
    const annotations = { "kubernetes.io/config.source": "file" };
    const node = nodeWith({ annotation: "vf", annotations, podUid: "mirror", devices: [devices] });
    await node.add(addRequest(), node.scope());
    expect(devices.askedFor).toEqual(["shop/web/uid-1"]);
  });

  it("are asked with the pod's own UID when the runtime gives none", async () => {
    const devices = fixedDevices({ "shop/web": { [SRIOV]: ["dev0"] } });
    const node = nodeWith({ annotation: "vf", devices: [devices] });
    await node.add(addRequest({ args: parseCniArgs(POD_ARGS.replace("uid-1", "")) }), node.scope());
    expect(devices.askedFor).toEqual(["shop/web/uid-1"]);
  });

  it("and do not answer: the ADD fails as they say, and nothing runs", async () => {
    const devices: Devices = { ofPod: () => Promise.reject(new PlexusError("try-again-later", "the kubelet is away")) };
    const node = nodeWith({ annotation: "vf", devices: [devices] });
    await expect(node.add(addRequest(), node.scope())).rejects.toMatchObject({ code: 11 });
    expect(node.said()).toEqual([]);
  });
});

describe("device information", () => {
  const file = `shop-vf-${sandbox}_net1`;

  it("is copied before the plugin runs, shown in the network status, on record, and removed by DEL (T089)", async () => {
    const copied: unknown[] = [];
    const node = nodeWith({
      annotation: "vf",
      devices: [given(["dev0"])],
      script: (run) => {
        if (said(run) === "ADD net1 sriov") copied.push(node.deviceInfoFiles.files.get(file));
        return obedient(run);
      },
    });
    node.deviceInfoFiles.notes.set("intel.com-sriov-dev0-device.json", NOTE);
    await node.add(addRequest(), node.scope());
    expect(copied).toEqual([NOTE]);
    const [eth0, net1] = JSON.parse(node.statusBoard.shown(sandbox) ?? "") as Record<string, unknown>[];
    expect(eth0).not.toHaveProperty("device-info");
    expect(net1).toMatchObject({ name: "shop/vf", "device-info": JSON.parse(NOTE) as unknown });
    expect((await node.journal.read(sandbox))?.attachments[1]?.device).toEqual({
      resource: SRIOV,
      id: "dev0",
      info: NOTE,
    });
    await node.del(delRequest, node.scope());
    expect([...node.deviceInfoFiles.files]).toEqual([]);
  });

  it("may come from the CNI plugin", async () => {
    const node = nodeWith({
      annotation: '[{"name":"plain","deviceID":"0000:ff:00.0"}]',
      script: (run) => {
        if (said(run) === "ADD net1 macvlan")
          node.deviceInfoFiles.files.set(`shop-plain-${sandbox}_net1`, '{"type":"memif"}');
        return obedient(run);
      },
    });
    await node.add(addRequest(), node.scope());
    expect(JSON.parse(node.statusBoard.shown(sandbox) ?? "")).toMatchObject([{}, { "device-info": { type: "memif" } }]);
    await node.del(delRequest, node.scope());
    expect([...node.deviceInfoFiles.files]).toEqual([]);
  });

  it("is removed when the ADD is undone", async () => {
    const node = nodeWith({
      annotation: "vf",
      devices: [given(["dev0"])],
      script: (run) => (said(run) === "ADD net1 sriov" ? fails("no") : obedient(run)),
    });
    node.deviceInfoFiles.notes.set("intel.com-sriov-dev0-device.json", NOTE);
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow();
    expect([...node.deviceInfoFiles.files]).toEqual([]);
  });

  it("stays for as long as the plugin refuses its DEL", async () => {
    let stubborn = true;
    const node = nodeWith({
      annotation: "vf",
      devices: [given(["dev0"])],
      script: (run) => (stubborn && said(run) === "DEL net1 sriov" ? fails("no") : obedient(run)),
    });
    node.deviceInfoFiles.notes.set("intel.com-sriov-dev0-device.json", NOTE);
    await node.add(addRequest(), node.scope());
    await expect(node.del(delRequest, node.scope())).rejects.toThrow();
    expect([...node.deviceInfoFiles.files.keys()]).toEqual([file]);
    stubborn = false;
    await node.del(delRequest, node.scope());
    expect([...node.deviceInfoFiles.files]).toEqual([]);
  });

  it("that cannot be had is told of and changes nothing else", async () => {
    const node = nodeWith({ annotation: "vf", devices: [given(["dev0"])] });
    node.deviceInfoFiles.refuse(new PlexusError("io-failure", "no space left on device"));
    await node.add(addRequest(), node.scope());
    await node.del(delRequest, node.scope());
    expect(await node.journal.list()).toEqual([]);
    const warning = 'device information of network "shop/vf": no space left on device';
    expect(node.warnings).toEqual([warning, warning, warning]);
  });
});

it.each([
  { why: "with one device one after the other", annotation: "vf", type: "sriov", most: 1 },
  { why: "without one side by side", annotation: "plain", type: "macvlan", most: 2 },
])("runs the plugins of two sandboxes $why", async ({ annotation, type, most }) => {
  let running = 0;
  let ever = 0;
  const node = nodeWith({
    annotation,
    devices: [given(["dev0"])],
    script: async (run) => {
      running += Number(run.type === type);
      ever = Math.max(ever, running);
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      running -= Number(run.type === type);
      return obedient(run);
    },
  });
  const others = addRequest({ sandbox: sandboxId("def") });
  await Promise.all([addRequest(), others].map((request) => node.add(request, node.scope())));
  expect(ever).toBe(most);
});

describe("the device of a network whose record was damaged", () => {
  const origin = (({ netConf: conf, args, searchPath, netnsOverride }) => ({
    netConf: conf,
    args,
    searchPath,
    netnsOverride,
  }))(addRequest());

  it("is told to the DEL as it was to the ADD, for some plugins can do nothing without", async () => {
    const node = nodeWith({ annotation: "vf", devices: [given(["dev0"])] });
    await node.add(addRequest(), node.scope());
    node.journal.spoil(sandbox);
    await node.del({ ...delRequest, origin }, node.scope());
    const [added, deleted] = node.runner.runs.filter(({ type }) => type === "sriov");
    expect(deleted?.stdin).toBe(added?.stdin.replace(/,"prevResult".*/, ""));
  });

  it("does not hold the DEL up when nobody knows it any more", async () => {
    const devices: Devices[] = [given(["dev0"])];
    const node = nodeWith({ annotation: "vf", devices });
    await node.add(addRequest(), node.scope());
    node.journal.spoil(sandbox);
    devices.splice(0, 1, given([]));
    await node.del({ ...delRequest, origin }, node.scope());
    expect(node.said().slice(2)).toEqual(["DEL net1 sriov", "DEL eth0 bridge"]);
    expect(node.warnings).toContainEqual(expect.stringContaining("needs a device"));
  });
});
