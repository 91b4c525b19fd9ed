import { fromStoredEvent, toStoredEvent } from "./events.ts";
import type { JsonObject } from "./objects.ts";

export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** Where the objects are kept; both kinds of events are the same objects. */
  readonly collection: string;
  /** Compiled into a real server: items of its lists have neither kind nor apiVersion, and it takes strategic merge patches. */
  readonly builtIn: boolean;
  readonly subresources: readonly string[];
  /** What a fieldSelector may name. */
  readonly fields: readonly string[];
  /** An update without metadata.resourceVersion is taken. */
  readonly unconditionalUpdate: boolean;
  /** From the form that is kept to the form that is served, and back. */
  readonly serve: (object: JsonObject) => JsonObject;
  readonly keep: (object: JsonObject) => JsonObject;
}

const METADATA_FIELDS = ["metadata.name", "metadata.namespace"];
const same = (object: JsonObject): JsonObject => object;

const EVENT = {
  kind: "Event",
  plural: "events",
  collection: "events",
  version: "v1",
  builtIn: true,
  subresources: [],
  unconditionalUpdate: true,
};

export const PODS: Resource = {
  group: "",
  version: "v1",
  plural: "pods",
  kind: "Pod",
  collection: "pods",
  builtIn: true,
  subresources: ["status"],
  fields: [
    ...METADATA_FIELDS,
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
  ],
  unconditionalUpdate: true,
  serve: same,
  keep: same,
};

export const NADS: Resource = {
  group: "k8s.cni.cncf.io",
  version: "v1",
  plural: "network-attachment-definitions",
  kind: "NetworkAttachmentDefinition",
  collection: "network-attachment-definitions",
  builtIn: false,
  subresources: [],
  fields: METADATA_FIELDS,
  unconditionalUpdate: false,
  serve: same,
  keep: same,
};

const CORE_EVENTS: Resource = {
  ...EVENT,
  group: "",
  fields: [
    ...METADATA_FIELDS,
    "involvedObject.name",
    "involvedObject.namespace",
    "involvedObject.uid",
    "reason",
    "type",
  ],
  serve: same,
  keep: same,
};

const EVENTS: Resource = {
  ...EVENT,
  group: "events.k8s.io",
  fields: [...METADATA_FIELDS, "regarding.name", "regarding.namespace", "regarding.uid", "reason", "type"],
  serve: fromStoredEvent,
  keep: toStoredEvent,
};

const DYNAMIC = {
  group: "resource.k8s.io",
  version: "v1",
  builtIn: true,
  unconditionalUpdate: true,
  keep: same,
};

export const CLAIMS: Resource = {
  ...DYNAMIC,
  plural: "resourceclaims",
  kind: "ResourceClaim",
  collection: "resourceclaims",
  subresources: ["status"],
  fields: METADATA_FIELDS,
  serve: same,
};

export const SLICES: Resource = {
  ...DYNAMIC,
  plural: "resourceslices",
  kind: "ResourceSlice",
  collection: "resourceslices",
  subresources: [],
  fields: ["metadata.name", "spec.nodeName", "spec.driver"],
  // It is in no namespace; here, where everything is in one, in that without a name.
  serve: ({ metadata, ...rest }) => ({ ...rest, metadata: { ...(metadata as JsonObject), namespace: undefined } }),
};

export const RESOURCES: readonly Resource[] = [PODS, NADS, CORE_EVENTS, EVENTS, CLAIMS, SLICES];

export const apiVersion = ({ group, version }: Resource): string => (group ? `${group}/${version}` : version);

/** `pods`, `network-attachment-definitions.k8s.cni.cncf.io`: as in messages. */
export const qualified = ({ group, plural }: { readonly group: string; readonly plural: string }): string =>
  group ? `${plural}.${group}` : plural;

export const kindName = ({ group, kind }: { readonly group: string; readonly kind: string }): string =>
  group ? `${kind}.${group}` : kind;
