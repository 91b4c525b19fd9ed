import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { parseManifest } from "../../daemon/adapters/manifests/parse-manifest.ts";
import { systemClock } from "../../daemon/adapters/clock/system-clock.ts";
import { makeKubeletDevices } from "../../daemon/adapters/devices/kubelet-devices.ts";
import { makeDeviceInfoFiles } from "../../daemon/adapters/device-info-files/device-info-files.ts";
import { fixedDevices } from "../fakes/fixed-devices.ts";
import { addRequest, stage, stdinOf } from "../operations/stage.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

const page = await readFile("docs/devices.md", "utf8");
const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];

it("docs/devices.md shows a network and a pod that fit together: each attachment has a device of its own", async () => {
  const { networks, pods } = parseManifest(example);
  const [fast = expect.fail("no network"), web = expect.fail("no pod")] = [networks[0], pods[0]];
  const resourceName = fast.resourceName ?? expect.fail("no resource");
  const node = stage({
    nads: { [fast.name]: fast.config },
    resources: { [fast.name]: resourceName },
    annotations: web.annotations,
    devices: [fixedDevices({ "shop/web": { [resourceName]: ["0000:01:10.0", "0000:01:10.1"] } })],
  });
  await node.add(addRequest(), node.scope());
  expect(node.runner.runs.slice(1).map(stdinOf)).toMatchObject(
    ["0000:01:10.0", "0000:01:10.1"].map((deviceID, index) => ({
      deviceID,
      pciBusID: deviceID,
      runtimeConfig: { deviceID, CNIDeviceInfoFile: expect.stringMatching(`/shop-fast-abc_net${index + 1}$`) },
    })),
  );
});

it("docs/devices.md names the files that are there", async () => {
  const kubeletDir = await temporaryDirectory();
  const devices = makeKubeletDevices({ kubeletDir, protoDir: "proto", clock: systemClock });
  const { pods } = parseManifest(example);
  const [web = expect.fail("no pod")] = pods;
  const refusal: unknown = await devices.ofPod(web, new AbortController().signal).catch((thrown: unknown) => thrown);
  const { message, details } = refusal as { message: string; details: string };
  const named = [...`${message} ${details}`.matchAll(new RegExp(`${kubeletDir}/[\\w./-]+`, "g"))].map(([path]) => path);
  expect(named.map((path) => page.includes(path.replace(kubeletDir, "`<kubeletDir>")))).toEqual([true, true]);
  expect(makeDeviceInfoFiles("<deviceInfoDir>").pathOf("")).toBe("<deviceInfoDir>/cni");
});
