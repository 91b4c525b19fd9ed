import { PlexusError } from "../../domain/errors.ts";
import { WHOLE } from "./api-objects.ts";
import { type AllocatedDevice, type PublishedDevice, type Slice, SliceSchema } from "./claim-objects.ts";
import type { Collection } from "./collection.ts";
import { type ListWatch, type ListWatchDeps, startListWatch } from "./list-watch.ts";
import { untilAborted } from "./until-raised.ts";

/** The devices that drivers publish of one node. */
export interface NodeSlices {
  /**
   * How to look up a device; undefined for one that is not published with a device id. Rejects with `try-again-later` when the signal is raised
   * before they are known.
   */
  lookup(signal: AbortSignal): Promise<(device: AllocatedDevice) => PublishedDevice | undefined>;
  /** Resolves after it was closed, when nothing is under way any more. */
  ended(): Promise<void>;
}

/** Lists of one node only: those of a cluster with many devices would fill every node's memory. */
function slicesOf(nodeName: string): Collection<Slice> {
  return {
    title: "resource slices",
    path: "/apis/resource.k8s.io/v1/resourceslices",
    fieldSelector: `spec.nodeName=${nodeName}`,
    acceptList: WHOLE,
    acceptWatch: WHOLE,
    fromMemory: true,
    schema: SliceSchema,
  };
}

/** Followed from the first time on that a pod has a claim; most clusters have no such kind of object, and most nodes none of them. */
export function makeNodeSlices(nodeName: string, deps: ListWatchDeps): NodeSlices {
  const known = Promise.withResolvers<undefined>();
  let watch: ListWatch<Slice> | undefined;

  function started(): ListWatch<Slice> {
    watch ??= startListWatch(slicesOf(nodeName), {
      ...deps,
      onConnected: (title, count) => {
        known.resolve(undefined);
        deps.onConnected(title, count);
      },
    });
    return watch;
  }

  return {
    async lookup(signal) {
      const slices = started();
      await untilAborted(known.promise, signal).catch((cause: unknown) => {
        throw new PlexusError("try-again-later", "the devices that this node publishes are not known yet", {
          details: slices.problem() ?? "they are being read from the API server",
          cause,
        });
      });
      return (device) => find([...slices.values()], device);
    },
    ended: async () => watch?.ended(),
  };
}

/** While a pool is published anew, slices of two generations stand side by side. */
function find(slices: readonly Slice[], { driver, pool, device }: AllocatedDevice): PublishedDevice | undefined {
  return slices
    .filter((slice) => slice.driver === driver && slice.pool === pool)
    .toSorted((a, b) => b.generation - a.generation)
    .map(({ devices }) => devices.get(device))
    .find((published) => published !== undefined);
}
