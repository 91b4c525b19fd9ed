/** Devices that a device plugin has and the kubelet sets apart: what it says of them on its socket, and what it notes down. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BIN, NODE_NAME } from "./components.ts";
import { here } from "./plexus.ts";
import { type KubeObject, network, NETWORKS, openSite, pod, type Site } from "./site.ts";
import { until } from "./until.ts";

const RESOURCE = "example.com/vf";
const IDS = ["0000:01:10.3", "0000:01:10.1", "0000:01:10.0", "0000:01:10.2"];
const DEVICE_INFO = "/var/run/k8s.cni.cncf.io/devinfo";
/** A kubelet's directory as it is where there is no pod-resources socket. */
const CHECKPOINT_ONLY = "/run/checkpoint-only";

const RESULT = `printf '{"cniVersion":"1.0.0","interfaces":[{"name":"%s","sandbox":"%s"}]}' "$CNI_IFNAME" "$CNI_NETNS"`;

/** A pod that has so many of the devices, in one container each. */
function podWithDevices(name: string, networks: string, devices: readonly number[]): KubeObject {
  const bare = pod(name, { annotations: { [NETWORKS]: networks } });
  const { containers } = bare["spec"] as { readonly containers: readonly [object] };
  const spec = {
    terminationGracePeriodSeconds: 0,
    containers: devices.map((count, index) => ({
      ...containers[0],
      name: `main${index}`,
      resources: { limits: { [RESOURCE]: String(count) } },
    })),
  };
  return { ...bare, spec };
}

describe("the kubelet's devices", () => {
  let site: Site;

  beforeAll(async () => {
    site = openSite();
    const { machine, processes, kubectl } = site;
    await machine.sh(`mkdir ${BIN}/sriov.d && cp --remove-destination ${here("test/plugins/scripted")} ${BIN}/sriov`);
    await machine.write(`${BIN}/sriov.d/ADD`, RESULT);
    await machine.sh(
      `mkdir ${CHECKPOINT_ONLY} && ln -s /var/lib/kubelet/device-plugins ${CHECKPOINT_ONLY}/device-plugins`,
    );
    const command = [
      process.execPath,
      here("test/cluster/device-plugin.ts"),
      "/var/lib/kubelet",
      DEVICE_INFO,
      RESOURCE,
      ...IDS,
    ];
    await processes.start("device-plugin", command, async () => {
      expect(await processes.logOf("device-plugin")).toContain("registered");
    });
    const explain = (): Promise<string> => processes.tail("kubelet");
    await until(
      "the node has the devices",
      async () => {
        const { status } = JSON.parse(await kubectl("get", "-o", "json", "node", NODE_NAME)) as {
          readonly status: { readonly allocatable: Readonly<Record<string, string>> };
        };
        return status.allocatable[RESOURCE] === String(IDS.length) ? true : undefined;
      },
      { explain },
    );
  });
  afterEach(() => site.clear());
  afterAll(() => site.processes.stop("device-plugin"));

  const vf = (): KubeObject => {
    const capabilities = { deviceID: true, CNIDeviceInfoFile: true };
    const bare = network("vf", { cniVersion: "1.0.0", type: "sriov", capabilities });
    return { ...bare, metadata: { ...bare.metadata, annotations: { "k8s.v1.cni.cncf.io/resourceName": RESOURCE } } };
  };

  /** The devices that the pod's one sandbox was given, from its record on the node. */
  async function recorded(name: string): Promise<readonly string[]> {
    const chosen = `.record | select(.pod.name == "${name}") | [.attachments[1:][].device.id]`;
    const lists = await site.machine.sh(`jq -c '${chosen}' /var/lib/plexus/sandboxes/*.json`);
    return JSON.parse(lists) as readonly string[];
  }

  it("are each network's own, in order, and in the network status", async () => {
    await site.apply(vf(), podWithDevices("one", "vf,vf,vf", [1, 2]));
    await site.ready("one");
    const ids = await recorded("one");
    expect(new Set(ids).size).toBe(3);
    expect(ids).toEqual(ids.toSorted());
    expect(IDS).toEqual(expect.arrayContaining([...ids]));
    const [, ...networks] = (await site.networkStatus("one")) as readonly object[];
    expect(networks).toMatchObject(ids.map((id) => ({ "device-info": { type: "pci", pci: { "pci-address": id } } })));
    expect((await site.machine.sh(`ls ${DEVICE_INFO}/cni`)).trim().split("\n")).toHaveLength(3);
  });

  it("are those of the pod, not its neighbour's, and gone with it", async () => {
    await site.apply(vf(), podWithDevices("one", "vf,vf", [2]), podWithDevices("two", "vf,vf", [2]));
    await site.ready("one", "two");
    const ids = [...(await recorded("one")), ...(await recorded("two"))];
    expect(ids.toSorted()).toEqual(IDS.toSorted());
    await site.clear();
    expect(await site.machine.sh(`ls ${DEVICE_INFO}/cni`)).toBe("");
  });

  it("that a pod has too few of are told of in its events", async () => {
    await site.apply(vf(), podWithDevices("one", "vf,vf", [1]));
    await site.event("one", /"default\/vf" needs a device of resource "example\.com\/vf".*1 of example\.com\/vf/s);
  });

  it("are found in the checkpoint where there is no socket", async () => {
    await site.plexus.terminate();
    await site.plexus.start({ kubeletDir: CHECKPOINT_ONLY });
    await site.apply(vf(), podWithDevices("one", "vf,vf", [2]));
    await site.ready("one");
    expect(new Set(await recorded("one")).size).toBe(2);
    await site.clear();
    await site.plexus.terminate();
    await site.plexus.start();
  });
});
