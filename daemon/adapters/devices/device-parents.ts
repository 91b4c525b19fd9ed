import { readdir, readFile, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import type { DeviceParents } from "../../ports/device-parents.ts";

const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;
const MAC_ADDRESS = /^([0-9a-f]{2}[:-]){5,19}[0-9a-f]{2}$/i;
const INTERFACE = /^[^/\s]{1,15}$/;

/**
 * A virtual function is a part of its physical function, an interface of its PCI device; both by PCI address, as the kernel knows them. An
 * interface is also known by its MAC address, a device by its path in sysfs.
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

  const interfaceParent = async (name: string): Promise<string | undefined> => {
    const address = await target("class/net", name, "device");
    return address !== undefined && PCI_ADDRESS.test(address) ? pciParent(address) : undefined;
  };

  /** The one interface of a device that has the MAC address. Those of pods have no device. */
  const interfaceWith = async (mac: string): Promise<string | undefined> => {
    const wanted = mac.toLowerCase().replaceAll("-", ":");
    for (const name of await readdir(join(sysfs, "class/net")).catch(() => [])) {
      if ((await target("class/net", name, "device")) === undefined) continue;
      const address = await readFile(join(sysfs, "class/net", name, "address"), "utf8").catch(() => "");
      if (address.trim().toLowerCase() === wanted) return name;
    }
    return undefined;
  };

  return {
    async of(device) {
      if (PCI_ADDRESS.test(device)) return pciParent(device);
      if (device.startsWith("/sys/devices/")) {
        const address = device.split("/").findLast((part) => PCI_ADDRESS.test(part));
        return address === undefined ? device : pciParent(address);
      }
      const name = MAC_ADDRESS.test(device) ? await interfaceWith(device) : device;
      return name !== undefined && INTERFACE.test(name) ? ((await interfaceParent(name)) ?? device) : device;
    },
  };
}
