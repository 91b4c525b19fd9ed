/** The device-info file of an attachment, from before its plugins run until they have confirmed its DEL (spec §5.3). */
import { deviceInfoFileName } from "../../domain/device-info.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { SandboxId } from "../../domain/ids.ts";
import type { JsonText } from "../../domain/json/json-object.ts";
import type { RecordedAttachment } from "../../domain/sandbox-record.ts";
import type { DeviceInfoFiles } from "../../ports/device-info-files.ts";
import type { Scope } from "../scope.ts";

type WithDevice = Pick<RecordedAttachment, "network" | "ifName" | "device">;

export async function copyDeviceInfo(
  files: DeviceInfoFiles,
  sandbox: SandboxId,
  { network, ifName, device }: WithDevice,
  scope: Pick<Scope, "warn">,
): Promise<void> {
  if (device === undefined || device.resource === "") return;
  await telling(scope, network, () => files.copy(device, deviceInfoFileName(network, sandbox, ifName)));
}

export async function readDeviceInfo(
  files: DeviceInfoFiles,
  sandbox: SandboxId,
  { network, ifName, device }: WithDevice,
  scope: Pick<Scope, "warn">,
): Promise<JsonText | undefined> {
  if (device === undefined) return undefined;
  return telling(scope, network, () => files.read(deviceInfoFileName(network, sandbox, ifName)));
}

export async function removeDeviceInfo(
  files: DeviceInfoFiles,
  sandbox: SandboxId,
  { network, ifName, device }: WithDevice,
  scope: Pick<Scope, "warn">,
): Promise<void> {
  if (device === undefined) return;
  await telling(scope, network, () => files.remove(deviceInfoFileName(network, sandbox, ifName)));
}

/** A network works without what is known of its device. */
async function telling<T>(
  { warn }: Pick<Scope, "warn">,
  network: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    warn(`device information of network "${network}": ${PlexusError.from(thrown).message}`);
    return undefined;
  }
}
