/** Deals out the devices that were set apart for a pod to those of its networks that need one (spec §6). */
import type { DelegateSource, DelegateSources } from "../../domain/delegate-source.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { NetConf } from "../../domain/netconf.ts";
import type { Pod } from "../../domain/pod.ts";
import { type PodDevices, podDevices } from "../../domain/pod-devices.ts";
import type { RecordedDevice } from "../../domain/sandbox-record.ts";
import type { Devices } from "../../ports/devices.ts";
import type { Scope } from "../scope.ts";

export interface DeviceDeps {
  /** Asked in this order, and only for as long as something is missing. */
  readonly devices: readonly Devices[];
}

export interface DeviceNeeds {
  readonly sources: DelegateSources;
  /** In strict compatibility a network is attached without its device when there is none, as Multus does. */
  readonly netConf: Pick<NetConf, "strictCompat">;
  /** As its source has it; without one nobody is asked. */
  readonly pod: Pod | undefined;
  /** The UID that the runtime gave, which is the kubelet's; may be empty. */
  readonly podUid: string;
  /** What the sandbox has of other ADDs. */
  readonly held: readonly RecordedDevice[];
}

/**
 * The same networks, each that needs a device with the first of its resource that no network before it has; all networks of the sandbox deal
 * from one pack. One that the pod's annotation names counts where nothing was set apart.
 * @throws PlexusError `device-missing` when there is none left, or what the devices' keeper says
 */
export async function assignDevices(
  { devices }: DeviceDeps,
  { sources, netConf, pod, podUid, held }: DeviceNeeds,
  { signal, warn }: Pick<Scope, "signal" | "warn">,
): Promise<DelegateSources> {
  const needed = sources.map(({ resourceName }) => resourceName).filter((resource) => resource !== undefined);
  if (pod === undefined || needed.length === 0) return sources;

  const known = await knownDevices(devices, { ...pod, uid: podUid || pod.uid }, needed, held, signal);
  const free = new Map([...known].map(([resource, ids]) => [resource, withoutHeld(resource, ids, held)]));
  const assign = (source: DelegateSource): DelegateSource => {
    const { network, resourceName, selection } = source;
    if (resourceName === undefined) return source;
    const deviceId = free.get(resourceName)?.shift();
    if (deviceId !== undefined) return { ...source, deviceId };
    if (selection?.deviceId !== undefined) return source;
    const missing = deviceMissing(network, resourceName, known);
    if (!netConf.strictCompat) throw missing;
    warn(`${missing.message}; it is attached without one`);
    return source;
  };
  const [first, ...more] = sources;
  return [assign(first), ...more.map(assign)];
}

/** Keepers after the first are asked for the rare pod only that the ones before do not have enough for: each costs requests. */
async function knownDevices(
  keepers: readonly Devices[],
  pod: Pod,
  needed: readonly string[],
  held: readonly RecordedDevice[],
  signal: AbortSignal,
): Promise<PodDevices> {
  let known: PodDevices = new Map();
  for (const keeper of keepers) {
    if (suffices(known, needed, held)) break;
    known = podDevices([...known, ...(await keeper.ofPod(pod, signal))]);
  }
  return known;
}

function suffices(known: PodDevices, needed: readonly string[], held: readonly RecordedDevice[]): boolean {
  return needed.every((resource) => {
    const wanted = needed.filter((other) => other === resource).length;
    return withoutHeld(resource, known.get(resource) ?? [], held).length >= wanted;
  });
}

function withoutHeld(resource: string, ids: readonly string[], held: readonly RecordedDevice[]): string[] {
  return ids.filter((id) => !held.some((device) => device.resource === resource && device.id === id));
}

function deviceMissing(network: string, resource: string, known: PodDevices): PlexusError {
  const has = [...known].map(([name, ids]) => `${ids.length} of ${name}`).join(", ") || "none at all";
  return new PlexusError(
    "device-missing",
    `network "${network}" needs a device of resource "${resource}", and the pod has none left: set apart for it are ${has}`,
    {
      details:
        "request one for each such network in the resources of the pod's containers, or correct the resourceName annotation of the NetworkAttachmentDefinition",
    },
  );
}
