import { onTestFinished } from "vitest";
import { systemClock } from "../../daemon/adapters/clock/system-clock.ts";
import { makeKubeletDevices } from "../../daemon/adapters/devices/kubelet-devices.ts";
import type { Devices } from "../../daemon/ports/devices.ts";
import { startKubelet, writeCheckpoint } from "../adapters/devices/kubelet.ts";
import { fixedDevices } from "../fakes/fixed-devices.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { devicesContract, type Given } from "./devices.contract.ts";

devicesContract("a fixed list", async (given) => fixedDevices(given));

devicesContract("a kubelet that tells of one pod", (given) => kubeletWith(given, "answers"));

devicesContract("a kubelet that tells of all pods", (given) => kubeletWith(given, "disabled"));

devicesContract("a kubelet's checkpoint", async (given) => {
  const kubeletDir = await temporaryDirectory();
  const entries = Object.entries(given).flatMap(([key, resources]) =>
    Object.entries(resources).map(([ResourceName, ids]) => ({
      PodUID: `uid-${key.split("/")[1] ?? ""}`,
      ContainerName: "main",
      ResourceName,
      DeviceIDs: { "0": ids },
    })),
  );
  await writeCheckpoint(kubeletDir, entries);
  return makeKubeletDevices({ kubeletDir, protoDir: "proto", clock: systemClock });
});

async function kubeletWith(given: Given, get: "answers" | "disabled"): Promise<Devices> {
  const kubeletDir = await temporaryDirectory();
  const kubelet = await startKubelet(
    kubeletDir,
    Object.fromEntries(Object.entries(given).map(([key, resources]) => [key, [resources]])),
  );
  onTestFinished(() => kubelet.stop());
  kubelet.get = get;
  return makeKubeletDevices({ kubeletDir, protoDir: "proto", clock: systemClock });
}
