/** The parts of a pod, of its resource claims and of resource slices that say which devices it has (spec §6.3). */
import * as z from "zod";

/** Names of its claims. One that is not there yet, or is not needed, has none. */
export const ClaimingPodSchema = z
  .object({
    metadata: z.object({ uid: z.string().default("") }),
    spec: z
      .object({ resourceClaims: z.array(z.object({ resourceClaimName: z.string().nullish() })).nullish() })
      .nullish(),
    status: z
      .object({
        resourceClaimStatuses: z.array(z.object({ resourceClaimName: z.string().nullish() })).nullish(),
        extendedResourceClaimStatus: z
          .object({
            resourceClaimName: z.string(),
            requestMappings: z.array(z.object({ resourceName: z.string(), requestName: z.string() })).nullish(),
          })
          .nullish(),
      })
      .nullish(),
  })
  .transform(({ metadata: { uid }, spec, status }) => ({
    uid,
    claims: new Set(
      // The status names those that were made for the pod, the spec those that were there before.
      [...(spec?.resourceClaims ?? []), ...(status?.resourceClaimStatuses ?? [])].flatMap(
        ({ resourceClaimName }) => resourceClaimName ?? [],
      ),
    ),
    extended: status?.extendedResourceClaimStatus ?? undefined,
  }));

export type ClaimingPod = z.output<typeof ClaimingPodSchema>;

const AllocatedDevice = z.object({ request: z.string(), driver: z.string(), pool: z.string(), device: z.string() });

/** A device that a claim was given, by where it is published. */
export type AllocatedDevice = Readonly<z.output<typeof AllocatedDevice>>;

/** What it was given; nothing before it was allocated. */
export const ClaimSchema = z
  .object({
    status: z
      .object({
        allocation: z.object({ devices: z.object({ results: z.array(AllocatedDevice).nullish() }) }).nullish(),
      })
      .nullish(),
  })
  .transform(({ status }): readonly AllocatedDevice[] => status?.allocation?.devices.results ?? []);

const DEVICE_ID = "k8s.cni.cncf.io/deviceID";
const RESOURCE_NAME = "k8s.cni.cncf.io/resourceName";

const Attribute = z.object({ string: z.string().optional() });

/** A device as CNI plugins are told of it, if its driver says how. */
export interface PublishedDevice {
  readonly deviceId: string;
  readonly resourceName: string | undefined;
}

export interface Slice {
  /** It is in none; the copy that is followed wants one. */
  readonly namespace: "";
  readonly name: string;
  readonly driver: string;
  readonly pool: string;
  /** A pool that was published anew is of the next generation. */
  readonly generation: number;
  /** By name; those without a device id are left out, as no network can have them. */
  readonly devices: ReadonlyMap<string, PublishedDevice>;
}

export const SliceSchema = z
  .object({
    metadata: z.object({ name: z.string().min(1) }),
    spec: z.object({
      driver: z.string(),
      pool: z.object({ name: z.string(), generation: z.number() }),
      devices: z.array(z.object({ name: z.string(), attributes: z.record(z.string(), Attribute).nullish() })).nullish(),
    }),
  })
  .transform(({ metadata: { name }, spec: { driver, pool, devices } }): Slice => ({
    namespace: "",
    name,
    driver,
    pool: pool.name,
    generation: pool.generation,
    devices: new Map(
      (devices ?? []).flatMap(({ name: device, attributes }) => {
        const deviceId = attributes?.[DEVICE_ID]?.string;
        if (deviceId === undefined || deviceId === "") return [];
        return [[device, { deviceId, resourceName: attributes?.[RESOURCE_NAME]?.string }] as const];
      }),
    ),
  }));
