/** The scenarios on real parts, each a file of scenarios/, and the parts that it runs on. */
import type { GroupName } from "./parts.ts";

export interface Scenario {
  readonly title: string;
  /** Whose parts it runs on, beside Kubernetes and Debian's packages. */
  readonly groups: readonly GroupName[];
  /**
   * Whether it fits into the run that a change has to pass: `npm run test:cluster`. All run in
   * `npm run test:real`.
   */
  readonly always: boolean;
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  networks: {
    title: "What a pod may ask for, on two nodes; the grpcurl commands of docs/",
    groups: ["grpcurl"],
    always: true,
  },
  life: {
    title: "Stateful sets, static pods, 100 pods on a node, a killed daemon, an API server away, a power cut, a drain",
    groups: [],
    always: true,
  },
  rollout: {
    title: "A rollout with a slow image, under a loop of pods on both nodes",
    groups: [],
    always: true,
  },
  "report-a": {
    title: "Report A: Calico and flannel on two nodes",
    groups: ["calico", "flannel"],
    always: true,
  },
  migrate: {
    title: "docs/migrate.md word by word, from Multus and back, with the thick plugin and with thin Multus",
    groups: ["multus"],
    always: false,
  },
  guards: {
    title: "Pods in user namespaces, and the admission policies of deploy/ enforced",
    groups: [],
    always: false,
  },
};

/** What the issue "Real" wants tried on the cluster and no scenario tries yet, each with what is there of it. */
export const OPEN: Readonly<Record<string, string>> = {
  "a second minor of Kubernetes": "a go.mod for it is to be added; the cluster takes the minor of test/real/kubernetes",
  "kube-proxy": "it is built; services reach the API server without it here",
  "DRA and PodResources Get with real drivers": "test/cluster has a device plugin of its own, on Kubernetes 1.20",
  "projected token rotated under a watch": "not written",
  "whereabouts, ovs-cni, cnitool": "their programs are pinned and can be built; no scenario runs them",
  "migration from TKE's fork": "the fork cannot be had",
  "CRI-O": "it cannot be had",
};
