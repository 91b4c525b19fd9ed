import { deviceNoteFileName } from "../../daemon/domain/device-info.ts";
import type { PlexusError } from "../../daemon/domain/errors.ts";
import { JsonObject } from "../../daemon/domain/json/json-object.ts";
import type { DeviceInfoFiles } from "../../daemon/ports/device-info-files.ts";

export interface MemoryDeviceInfoFiles extends DeviceInfoFiles {
  /** What device plugins noted down, by file name. */
  readonly notes: Map<string, string>;
  /** The files of attachments, by name. */
  readonly files: Map<string, string>;
  /** From now on everything is refused with this. */
  refuse(error: PlexusError): void;
}

/** Device-info files without a disk, as if in the usual directory. */
export function memoryDeviceInfoFiles(): MemoryDeviceInfoFiles {
  const notes = new Map<string, string>();
  const files = new Map<string, string>();
  let refusal: PlexusError | undefined;
  const unlessRefused = async <T>(work: () => T): Promise<T> => {
    if (refusal !== undefined) throw refusal;
    return work();
  };
  return {
    notes,
    files,
    refuse: (error) => {
      refusal = error;
    },
    pathOf: (name) => `/var/run/k8s.cni.cncf.io/devinfo/cni/${name}`,
    copy: (device, name) =>
      unlessRefused(() => {
        const note = notes.get(deviceNoteFileName(device));
        if (note !== undefined && !files.has(name)) files.set(name, note);
      }),
    read: (name) =>
      unlessRefused(() => {
        const text = files.get(name);
        return text === undefined ? undefined : JsonObject.parse(text, name).toString();
      }),
    remove: (name) =>
      unlessRefused(() => {
        files.delete(name);
      }),
  };
}
