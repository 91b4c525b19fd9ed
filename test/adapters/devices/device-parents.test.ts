import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeDeviceParents } from "../../../daemon/adapters/devices/device-parents.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

const PF = "0000:01:00.0";
const VF = "0000:01:10.2";
const MACS = { ens1: "52:54:00:00:01:0a", ens1v2: "52:54:00:00:01:0b" };
const BRIDGE_MAC = "52:54:00:00:01:0c";

/** A card with one virtual function, the interfaces of both, and one that is no device, as the kernel shows them. */
async function sysfs(): Promise<string> {
  const root = await temporaryDirectory();
  for (const address of [PF, VF]) await mkdir(join(root, "devices/pci", address), { recursive: true });
  await symlink(`../${PF}`, join(root, "devices/pci", VF, "physfn"));
  await mkdir(join(root, "bus/pci/devices"), { recursive: true });
  for (const address of [PF, VF])
    await symlink(`../../../devices/pci/${address}`, join(root, "bus/pci/devices", address));
  for (const [ifName, address] of [
    ["ens1", PF],
    ["ens1v2", VF],
  ] as const) {
    await mkdir(join(root, "class/net", ifName), { recursive: true });
    await symlink(`../../../devices/pci/${address}`, join(root, "class/net", ifName, "device"));
    await writeFile(join(root, "class/net", ifName, "address"), `${MACS[ifName]}\n`);
  }
  await mkdir(join(root, "class/net/br0"), { recursive: true });
  await writeFile(join(root, "class/net/br0/address"), `${BRIDGE_MAC}\n`);
  return root;
}

it.each([
  { why: "a virtual function is a part of its card", device: VF, want: PF },
  { why: "so is its interface", device: "ens1v2", want: PF },
  { why: "and the card's", device: "ens1", want: PF },
  { why: "a card is its own", device: PF, want: PF },
  { why: "so is its interface by MAC address, in any case", device: "52-54-00-00-01-0B", want: PF },
  { why: "and the card's", device: MACS.ens1, want: PF },
  { why: "a bridge's MAC address is its own", device: BRIDGE_MAC, want: BRIDGE_MAC },
  { why: "a MAC address that nothing has is its own", device: "52:54:00:00:01:0d", want: "52:54:00:00:01:0d" },
  { why: "a virtual function's path in sysfs leads to its card", device: `/sys/devices/pci0000:00/${VF}`, want: PF },
  { why: "so does a path below it", device: `/sys/devices/pci0000:00/${VF}/net/ens1v2`, want: PF },
  {
    why: "a path without a PCI device is its own",
    device: "/sys/devices/virtual/net/br0",
    want: "/sys/devices/virtual/net/br0",
  },
  { why: "a bridge is its own", device: "br0", want: "br0" },
  { why: "a PCI address that nothing has is its own", device: "0000:ff:00.0", want: "0000:ff:00.0" },
  { why: "a name of another kind is its own", device: "mlx5_core.sf.4", want: "mlx5_core.sf.4" },
  { why: "a name is no path", device: "../net/ens1", want: "../net/ens1" },
])("$why", async ({ device, want }) => {
  expect(await makeDeviceParents(await sysfs()).of(device)).toBe(want);
});
