import { deviceInfoFileName } from "../../domain/device-info.ts";
import type { SandboxId } from "../../domain/ids.ts";
import type { PlannedAttachment } from "../../domain/plan.ts";
import type { DeviceInfoFiles } from "../../ports/device-info-files.ts";

/**
 * Tells plugins that declare the capability where the device-info file is, whether the daemon puts
 * one there or they are to write it (spec §4.8).
 */
export function withDeviceInfoFile(
  files: Pick<DeviceInfoFiles, "pathOf">,
  sandbox: SandboxId,
  plan: PlannedAttachment,
): PlannedAttachment {
  const { network, ifName, device, capabilityArgs } = plan;
  if (device === undefined) return plan;
  const path = files.pathOf(deviceInfoFileName(network, sandbox, ifName));
  return { ...plan, capabilityArgs: capabilityArgs.with("CNIDeviceInfoFile", JSON.stringify(path)) };
}
