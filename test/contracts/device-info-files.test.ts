import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDeviceInfoFiles } from "../../daemon/adapters/device-info-files/device-info-files.ts";
import { memoryDeviceInfoFiles } from "../fakes/memory-device-info-files.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { deviceInfoFilesContract } from "./device-info-files.contract.ts";

deviceInfoFilesContract("files in memory", async () => {
  const files = memoryDeviceInfoFiles();
  return {
    files,
    note: async (fileName, text) => {
      files.notes.set(fileName, text);
    },
    put: async (name, text) => {
      files.files.set(name, text);
    },
  };
});

deviceInfoFilesContract("a directory", async () => {
  const directory = await temporaryDirectory();
  const write = async (below: string, name: string, text: string): Promise<void> => {
    await mkdir(join(directory, below), { recursive: true });
    await writeFile(join(directory, below, name), text);
  };
  return {
    files: makeDeviceInfoFiles(directory),
    note: (fileName, text) => write("dp", fileName, text),
    put: (name, text) => write("cni", name, text),
  };
});
