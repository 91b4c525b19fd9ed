import { realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import type { DeviceParents } from "../../ports/device-parents.ts";

const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;
const INTERFACE = /^[^/\s]{1,15}$/;

/**
 * A virtual function is a part of its physical function, an interface of its PCI device; both by PCI address, as the kernel knows them.
 * @param sysfs where it is mounted
 */
export function makeDeviceParents(sysfs = "/sys"): DeviceParents {
  const target = (...path: readonly string[]): Promise<string | undefined> =>
    realpath(join(sysfs, ...path)).then(
      (found) => basename(found),
      () => undefined,
    );

  const pciParent = async (address: string): Promise<string> =>
    (await target("bus/pci/devices", address, "physfn")) ?? address;

  return {
    async of(device) {
      if (PCI_ADDRESS.test(device)) return pciParent(device);
      const address = INTERFACE.test(device) ? await target("class/net", device, "device") : undefined;
      return address !== undefined && PCI_ADDRESS.test(address) ? pciParent(address) : device;
    },
  };
}
