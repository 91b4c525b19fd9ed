import { readFile } from "node:fs/promises";
import * as z from "zod";
import { PlexusError } from "../../domain/errors.ts";
import { type ListedDevices, type PodDevices, podDevices } from "../../domain/pod-devices.ts";

/**
 * What the kubelet noted down of the devices that it set apart (spec §6.2). Its checksum is of Go's own making and is not looked at: the
 * kubelet replaces the file as a whole. Undefined when there is no such file.
 * @param podUid the kubelet's
 * @throws PlexusError `io-failure` or `decode-failure`
 */
export async function readCheckpoint(file: string, podUid: string): Promise<PodDevices | undefined> {
  const text = await textOf(file);
  if (text === undefined) return undefined;
  if (podUid === "") {
    throw new PlexusError("io-failure", `the pod's UID is not known, and ${file} names pods by nothing else`, {
      details: "the runtime must give K8S_POD_UID in CNI_ARGS",
    });
  }
  const entries = entriesOf(text, file).filter(({ PodUID }) => PodUID === podUid);
  return podDevices(entries.map(({ ResourceName, DeviceIDs }): ListedDevices => [ResourceName, DeviceIDs]));
}

/** By NUMA node; before Kubernetes 1.20, one list. */
const DeviceIds = z
  .union([z.array(z.string()), z.record(z.string(), z.array(z.string()).nullable())])
  .nullish()
  .transform((ids) => (Array.isArray(ids) ? ids : Object.values(ids ?? {}).flatMap((list) => list ?? [])));

const Checkpoint = z.object({
  Data: z.object({
    PodDeviceEntries: z
      .array(z.object({ PodUID: z.string(), ResourceName: z.string(), DeviceIDs: DeviceIds }))
      .nullish(),
  }),
});

type Entry = NonNullable<z.output<typeof Checkpoint>["Data"]["PodDeviceEntries"]>[number];

function entriesOf(text: string, file: string): readonly Entry[] {
  try {
    return Checkpoint.parse(JSON.parse(text)).Data.PodDeviceEntries ?? [];
  } catch (cause) {
    throw new PlexusError("decode-failure", `${file} is not a checkpoint of the kubelet's devices`, {
      details: "give the kubelet's directory as kubeletDir in the daemon's config",
      cause,
    });
  }
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new PlexusError("io-failure", `cannot read ${file}: ${code ?? message}`, { cause });
  }
}
