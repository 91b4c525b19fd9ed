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
}

/** A running pod, with some of what a daemon has no use for. */
export function pod({ name, namespace = "default", node = "node-a", uid, annotations = {} }: PodParts): Sample {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, annotations, labels: { app: name }, ...(uid !== undefined && { uid }) },
    spec: {
      ...(node && { nodeName: node }),
      containers: [{ name: "main", image: "busybox", env: [{ name: "GREETING", value: "hello" }] }],
      terminationGracePeriodSeconds: 30,
    },
    status: { phase: "Running", podIP: "10.0.0.7" },
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
