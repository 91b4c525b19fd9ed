/** The parts of the API's objects that are looked at; everything else is dropped while reading. */
import * as z from "zod";
import { namespace, podName } from "../../domain/ids.ts";
import {
  makeNetworkDefinition,
  type NetworkDefinition,
  RESOURCE_NAME_ANNOTATION,
} from "../../domain/network-definition.ts";
import { KEPT_POD_ANNOTATIONS, type Pod } from "../../domain/pod.ts";
import type { TenantLimits } from "../../domain/tenant-limits.ts";

/** An object's metadata is all that is wanted of a pod, and a fraction of its size. A server that cannot leave out the rest sends the whole. */
export const METADATA_OF_ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
export const METADATA_OF_MANY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
export const WHOLE = "application/json";

export function objectKey(object: { readonly namespace: string; readonly name: string }): string {
  return `${object.namespace}/${object.name}`;
}

export const PodSchema = z
  .object({
    metadata: z.object({
      name: z.string().min(1),
      namespace: z.string().min(1),
      uid: z.string().optional(),
      annotations: z.record(z.string(), z.string()).nullish(),
    }),
  })
  .transform(({ metadata: { name, namespace: home, uid = "", annotations } }): Pod => ({
    namespace: namespace(home),
    name: podName(name),
    uid,
    annotations: Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => KEPT_POD_ANNOTATIONS.has(key))),
  }));

/** @param limits a NAD that is over them keeps its name and loses its config */
export function networkSchema(limits: Pick<TenantLimits, "networkConfigBytes">): z.ZodType<NetworkDefinition> {
  return NetworkObject.transform(({ metadata: { name, namespace: home, annotations }, spec }) => {
    const resourceName = annotations?.[RESOURCE_NAME_ANNOTATION] ?? "";
    const given = { namespace: namespace(home), name, config: spec?.config ?? "", resourceName };
    return makeNetworkDefinition(given, limits);
  });
}

const NetworkObject = z.object({
  metadata: z.object({
    name: z.string().min(1),
    namespace: z.string().min(1),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z.object({ config: z.string().nullish() }).nullish(),
});

/** Of an object that is not what it should be, the name, for messages. */
export const NamedSchema = z.object({ metadata: z.object({ name: z.string(), namespace: z.string() }) });

/** One page of a list. */
export const PageSchema = z.object({
  metadata: z.object({ resourceVersion: z.string().min(1), continue: z.string().nullish() }),
  items: z.array(z.unknown()).nullish(),
});

export const WatchEventSchema = z.object({
  type: z.enum(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]),
  object: z.unknown(),
});

/** The pod whose annotation was written. */
export const WrittenSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
});

export const VersionedSchema = z.object({ metadata: z.object({ resourceVersion: z.string().min(1) }) });

/** What the API server says of a request that it refuses. */
export const StatusSchema = z.object({
  code: z.number().optional(),
  message: z.string().optional(),
  details: z
    .object({
      causes: z.array(z.object({ reason: z.string().optional(), field: z.string().optional() })).nullish(),
      retryAfterSeconds: z.number().optional(),
    })
    .nullish(),
});
