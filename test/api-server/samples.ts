import type { JsonObject } from "./objects.ts";

/** An object for `put` or for a POST. */
export interface Sample extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: JsonObject & { readonly name: string; readonly namespace: string };
}

interface PodParts {
  readonly name: string;
  readonly namespace?: string;
  /** Empty: not scheduled. */
  readonly node?: string;
  readonly uid?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Members of its status. */
  readonly status?: JsonObject;
  /** Members of its spec. */
  readonly spec?: JsonObject;
}

/** A running pod, with some of what a daemon has no use for. */
export function pod({
  name,
  namespace = "default",
  node = "node-a",
  uid,
  annotations = {},
  spec,
  status,
}: PodParts): Sample {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, annotations, labels: { app: name }, ...(uid !== undefined && { uid }) },
    spec: {
      ...(node && { nodeName: node }),
      containers: [{ name: "main", image: "busybox", env: [{ name: "GREETING", value: "hello" }] }],
      terminationGracePeriodSeconds: 30,
      ...spec,
    },
    status: { phase: "Running", podIP: "10.0.0.7", ...status },
  };
}

interface NadParts {
  readonly name: string;
  readonly namespace?: string;
  /** Undefined: the object has no spec. */
  readonly config?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function nad({ name, namespace = "default", config, annotations = {} }: NadParts): Sample {
  return {
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name, namespace, annotations },
    ...(config !== undefined && { spec: { config } }),
  };
}

/** Where a device is published, and which request of a claim it was given for. */
interface Allocation extends JsonObject {
  readonly request: string;
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
}

/** A claim; undefined results are those of one that was not allocated yet. */
export function claim(name: string, results?: readonly Allocation[], namespace = "default"): Sample {
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: { name, namespace },
    spec: { devices: { requests: [{ name: "nic", exactly: { deviceClassName: "nics" } }] } },
    status: results === undefined ? {} : { allocation: { devices: { results: [...results] } } },
  };
}

interface SliceParts {
  readonly name: string;
  readonly node?: string;
  readonly driver?: string;
  readonly pool?: string;
  readonly generation?: number;
  /** By name, their string attributes. */
  readonly devices: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What a driver publishes. Each device has attributes of other types, too. */
export function slice(parts: SliceParts): Sample {
  const { name, node = "node-a", driver = "nics.example.com", pool = node, generation = 1, devices } = parts;
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceSlice",
    metadata: { name, namespace: "" },
    spec: {
      nodeName: node,
      driver,
      pool: { name: pool, generation, resourceSliceCount: 1 },
      devices: Object.entries(devices).map(([device, attributes]) => ({
        name: device,
        attributes: {
          index: { int: 3 },
          healthy: { bool: true },
          ...Object.fromEntries(Object.entries(attributes).map(([key, string]) => [key, { string }])),
        },
      })),
    },
  };
}
