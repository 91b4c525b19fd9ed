/** What is set apart for one pod: per resource the ids of its devices, sorted, each once. */
export type PodDevices = ReadonlyMap<string, readonly string[]>;

/** Devices of one resource as somebody lists them: in any order, and the same one perhaps more than once. */
export type ListedDevices = readonly [resource: string, ids: readonly string[]];

export function podDevices(listed: Iterable<ListedDevices>): PodDevices {
  const devices = new Map<string, Set<string>>();
  for (const [resource, ids] of listed) {
    if (ids.length === 0) continue;
    devices.set(resource, new Set([...(devices.get(resource) ?? []), ...ids]));
  }
  return new Map([...devices].map(([resource, ids]) => [resource, [...ids].toSorted()]));
}
