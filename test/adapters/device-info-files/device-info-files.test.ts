import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeDeviceInfoFiles } from "../../../daemon/adapters/device-info-files/device-info-files.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

const DEVICE = { resource: "intel.com/sriov", id: "a/b" };

async function noted(text: string): Promise<string> {
  const directory = await temporaryDirectory();
  await mkdir(join(directory, "dp"));
  await writeFile(join(directory, "dp/intel.com-sriov-a-b-device.json"), text);
  return directory;
}

it("a copy can be read by all and written by nobody, and is the only file", async () => {
  const directory = await noted("{}");
  await makeDeviceInfoFiles(directory).copy(DEVICE, "n_net1");
  expect((await stat(join(directory, "cni/n_net1"))).mode & 0o777).toBe(0o444);
  expect(await readdir(join(directory, "cni"))).toEqual(["n_net1"]);
});

it("a directory that cannot be made is told, and nothing else happens", async () => {
  const directory = await noted("{}");
  await writeFile(join(directory, "cni"), "");
  await expect(makeDeviceInfoFiles(directory).copy(DEVICE, "n_net1")).rejects.toMatchObject({ kind: "io-failure" });
});

it("what would not fit into an annotation is refused", async () => {
  const directory = await noted(JSON.stringify({ type: "x".repeat(100_000) }));
  const files = makeDeviceInfoFiles(directory);
  await files.copy(DEVICE, "n_net1");
  await expect(files.read("n_net1")).rejects.toMatchObject({ kind: "decode-failure" });
});
