/** Objects of the API as tests make them. */
import { IMAGE, type NodeName } from "./layout.ts";

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Annotations;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [member: string]: unknown;
}

export type Annotations = Readonly<Record<string, string>>;

export const NETWORKS = "k8s.v1.cni.cncf.io/networks";
export const DEFAULT_NETWORK = "v1.multus-cni.io/default-network";
export const NETWORK_STATUS = "k8s.v1.cni.cncf.io/network-status";

export interface NetworkStatus {
  readonly name: string;
  readonly interface?: string;
  readonly ips?: readonly string[];
  readonly mac?: string;
  readonly mtu?: number;
  readonly default?: boolean;
}

export interface PodOptions {
  readonly namespace?: string;
  /** Any node unless given. */
  readonly node?: NodeName;
  readonly annotations?: Annotations;
  readonly labels?: Readonly<Record<string, string>>;
  readonly hostPort?: number;
  /** Further members of its spec. */
  readonly spec?: object;
}

/** A pod that does nothing until it is told to end. */
export function pod(name: string, options: PodOptions = {}): KubeObject {
  const { namespace = "default", node, annotations = {}, labels = {}, hostPort, spec = {} } = options;
  const ports = hostPort === undefined ? [] : [{ containerPort: 80, hostPort }];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, annotations, labels },
    spec: {
      containers: [{ name: "main", image: IMAGE, imagePullPolicy: "Never", ports }],
      terminationGracePeriodSeconds: 1,
      ...(node === undefined ? {} : { nodeSelector: { "kubernetes.io/hostname": node } }),
      ...spec,
    },
  };
}

export function network(name: string, config: object, namespace = "default"): KubeObject {
  return {
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name, namespace },
    spec: { config: JSON.stringify(config) },
  };
}

/** A bridge of its own with addresses of its own: `10.<second>.0.0/24`, on each node the same ones. */
export function bridgeNetwork(name: string, second: number, namespace = "default"): KubeObject {
  const ipam = { type: "host-local", subnet: `10.${second}.0.0/24` };
  return network(name, { cniVersion: "1.0.0", name, type: "bridge", bridge: `br-${name}`, ipam }, namespace);
}
