import { describe, expect, it } from "vitest";
import type { DeviceInfoFiles } from "../../daemon/ports/device-info-files.ts";

const DEVICE = { resource: "intel.com/sriov", id: "0000:01:10.2" };
const NOTE = '{"type":"pci","version":"1.1.0","pci":{"pci-address":"0000:01:10.2"}}';
const NAME = "default-n1-abc_net1";

interface Made {
  readonly files: DeviceInfoFiles;
  /** As a device plugin does. */
  readonly note: (fileName: string, text: string) => Promise<void>;
  /** As a CNI plugin does. */
  readonly put: (name: string, text: string) => Promise<void>;
}

/** What every implementation of the port promises. */
export function deviceInfoFilesContract(name: string, make: () => Promise<Made>): void {
  describe(`${name} as DeviceInfoFiles`, () => {
    it("copy what the device plugin noted down, and remove it", async () => {
      const { files, note } = await make();
      await note("intel.com-sriov-0000:01:10.2-device.json", NOTE);
      await files.copy(DEVICE, NAME);
      expect(JSON.parse((await files.read(NAME)) ?? "")).toEqual(JSON.parse(NOTE));
      await files.remove(NAME);
      expect(await files.read(NAME)).toBeUndefined();
    });

    it("leave what is there as it is", async () => {
      const { files, note, put } = await make();
      await note("intel.com-sriov-0000:01:10.2-device.json", NOTE);
      await put(NAME, '{"type":"memif"}');
      await files.copy(DEVICE, NAME);
      expect(await files.read(NAME)).toBe('{"type":"memif"}');
    });

    it("copy nothing when nothing is noted down, and remove nothing when there is nothing", async () => {
      const { files } = await make();
      await files.copy(DEVICE, NAME);
      expect(await files.read(NAME)).toBeUndefined();
      await files.remove(NAME);
    });

    it.each(["", "{", '"pci"', "[]"])("say so of a file that is no JSON object: %s", async (text) => {
      const { files, put } = await make();
      await put(NAME, text);
      await expect(files.read(NAME)).rejects.toMatchObject({ kind: "decode-failure" });
    });

    it("are found by plugins under their names", async () => {
      const { files } = await make();
      expect(files.pathOf(NAME)).toMatch(/^\/.*\/cni\/default-n1-abc_net1$/);
    });
  });
}
