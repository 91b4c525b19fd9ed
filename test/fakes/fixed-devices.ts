import { PlexusError } from "../../daemon/domain/errors.ts";
import { podDevices } from "../../daemon/domain/pod-devices.ts";
import type { Devices } from "../../daemon/ports/devices.ts";

export interface FixedDevices extends Devices {
  /** The pods that were asked for, as `<namespace>/<name>/<uid>`. */
  readonly askedFor: readonly string[];
}

/** Devices by `<namespace>/<name>` of their pod and by resource; change them at any time. A keeper is told of no other pods. */
export function fixedDevices(
  devices: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>,
): FixedDevices {
  const askedFor: string[] = [];
  return {
    askedFor,
    ofPod: async ({ namespace, name, uid }, signal) => {
      askedFor.push(`${namespace}/${name}/${uid}`);
      if (signal.aborted) throw new PlexusError("try-again-later", "the answer was not waited for");
      return podDevices(Object.entries(devices[`${namespace}/${name}`] ?? {}));
    },
  };
}
