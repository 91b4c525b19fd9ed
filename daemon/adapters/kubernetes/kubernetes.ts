import { PlexusError } from "../../domain/errors.ts";
import type { TenantLimits } from "../../domain/tenant-limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Devices } from "../../ports/devices.ts";
import type { Events } from "../../ports/events.ts";
import type { Networks } from "../../ports/networks.ts";
import type { Pods } from "../../ports/pods.ts";
import type { StatusBoard } from "../../ports/status-board.ts";
import { makeApiClient } from "./api-client.ts";
import { objectKey } from "./api-objects.ts";
import { makeClaimDevices } from "./claim-devices.ts";
import { makeClusterPods } from "./cluster-pods.ts";
import { networksOf, podsOf } from "./collection.ts";
import { withAge } from "./credential-age.ts";
import type { Credentials } from "./credentials.ts";
import { inClusterCredentials } from "./in-cluster-credentials.ts";
import { kubeconfigCredentials } from "./kubeconfig-credentials.ts";
import { type ListWatch, startListWatch } from "./list-watch.ts";
import { makeNodeSlices } from "./node-slices.ts";
import { makeNotices } from "./notices.ts";
import { makePodEvents } from "./pod-events.ts";
import { PATCH_TIMEOUT_MS, patchStatus } from "./pod-status-patch.ts";
import { makeStatusAnnotations } from "./status-annotations.ts";
import { makeStatusQueue } from "./status-queue.ts";
import { makeStatusRefusals } from "./status-refusals.ts";

export interface KubernetesOptions {
  /** Whose pods are followed. */
  readonly nodeName: string;
  /** Without it, the pod's service account is used. */
  readonly kubeconfig?: string | undefined;
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT; needed without a kubeconfig. */
  readonly serviceHost?: string | undefined;
  readonly servicePort?: string | undefined;
  readonly serviceAccountDir?: string;
  /** How long an unknown pod is waited for before the API server is asked. */
  readonly podWaitMs: number;
  /** How long the writing of a network status is tried. */
  readonly statusWaitMs?: number;
  /** What then: `sync` lets publishing fail, `queue` lets it succeed and keeps trying. */
  readonly statusMode: "sync" | "queue";
  /** How often a network status that was refused is rehearsed. */
  readonly askAgainMs?: number;
  /** A NAD that is over them is known by its name only. */
  readonly limits: Pick<TenantLimits, "networkConfigBytes">;
  /** Told of what is wrong once, and again when it changes or comes back. Must not throw. */
  readonly onProblem: (message: string) => void;
  /** Pods or networks are known for the first time, or are followed again after a problem. Must not throw. */
  readonly onConnected: (title: string, count: number) => void;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

export interface Kubernetes {
  readonly pods: Pods;
  /**
   * Throws PlexusError `try-again-later` until the networks have been read for the first time: before that, one that is not known may
   * well exist.
   */
  readonly networks: Networks;
  readonly statusBoard: StatusBoard;
  /** Why the API server takes no network status; undefined when it takes them, as far as is known. */
  statusProblem(): string | undefined;
  readonly events: Events;
  /** What pods have through resource claims. */
  readonly devices: Devices;
  synced(): { readonly pods: boolean; readonly networks: boolean };
  followed(): readonly Followed[];
  /** Milliseconds since the credential was last seen to change; undefined before it was used. */
  credentialAgeMs(): number | undefined;
  /** What was given up because the API server was away for too long. */
  lost(): { readonly events: number; readonly statuses: number };
  /** Ends everything that is under way, and waits for that. What is queued is lost. */
  close(): Promise<void>;
}

/** How following a collection goes. */
export interface Followed {
  readonly source: "pods" | "networks";
  /** Whether it was read as a whole once. */
  readonly synced: boolean;
  /** What keeps it from following, if anything does. */
  readonly problem: string | undefined;
  readonly objects: number;
  /** Milliseconds since anything was last heard of it. */
  readonly silentMs: number;
}

const SERVICE_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Pods and networks from the API server, followed from now on; network statuses and events written to it. Returns at once: whether the API
 * server is there shows later, and a node must start without it.
 * @throws PlexusError `invalid-config` when it is not known whose pods to follow, or where the API server is
 */
export function openKubernetes(options: KubernetesOptions): Kubernetes {
  const { nodeName, podWaitMs, statusWaitMs = 10_000, statusMode, clock, random = Math.random } = options;
  if (nodeName === "") {
    throw new PlexusError("invalid-config", "the name of this node is not known", {
      details:
        "set it (in a DaemonSet: from spec.nodeName); without it every node would follow the pods of the whole cluster",
    });
  }
  const closing = new AbortController();
  const closed = closing.signal;
  const credentials = withAge(credentialsFor(options), clock);
  const client = makeApiClient(credentials);
  const notices = makeNotices(options.onProblem);
  const shared = { client, clock, random, notices, closed };

  const pods = makeClusterPods({ ...shared, podWaitMs, known: (key) => podWatch.get(key) });
  const following = { ...shared, onConnected: options.onConnected };
  const podWatch = startListWatch(podsOf(nodeName), following, pods.arrived);
  const networkWatch = startListWatch(networksOf(options.limits), following);
  const queue = statusMode === "queue" ? makeStatusQueue(shared) : undefined;
  const refusals = makeStatusRefusals({
    rehearse: (write) => patchStatus(client, write, { timeoutMs: PATCH_TIMEOUT_MS, signal: closed, dryRun: true }),
    closed,
    ...(options.askAgainMs !== undefined && { askAgainMs: options.askAgainMs }),
  });
  const events = makePodEvents({ ...shared, nodeName });
  const slices = makeNodeSlices(nodeName, following);

  return {
    pods,
    networks: {
      get(namespace, name) {
        if (networkWatch.synced()) return networkWatch.get(objectKey({ namespace, name }));
        throw new PlexusError("try-again-later", "the cluster's network-attachment-definitions are not known yet", {
          details: networkWatch.problem() ?? "they are being read from the API server",
        });
      },
    },
    statusBoard: makeStatusAnnotations({ client, clock, random, waitMs: statusWaitMs, queue, refusals }),
    statusProblem: refusals.problem,
    events,
    devices: makeClaimDevices({ client, slices, closed }),
    synced: () => ({ pods: podWatch.synced(), networks: networkWatch.synced() }),
    followed: () => [followed("pods", podWatch), followed("networks", networkWatch)],
    credentialAgeMs: () => credentials.ageMs(),
    lost: () => ({ events: events.lost(), statuses: queue?.lost() ?? 0 }),
    async close() {
      closing.abort();
      await Promise.all([podWatch.ended(), networkWatch.ended(), slices.ended(), queue?.idle(), events.idle()]);
      client.close();
    },
  };
}

function followed(source: Followed["source"], watch: ListWatch<unknown>): Followed {
  return {
    source,
    synced: watch.synced(),
    problem: watch.problem(),
    objects: watch.size(),
    silentMs: watch.silentMs(),
  };
}

function credentialsFor({
  kubeconfig,
  serviceHost,
  servicePort = "443",
  serviceAccountDir,
}: KubernetesOptions): Credentials {
  if (kubeconfig !== undefined) return kubeconfigCredentials(kubeconfig);
  if (serviceHost !== undefined && serviceHost !== "") {
    return inClusterCredentials({
      host: serviceHost,
      port: servicePort,
      directory: serviceAccountDir ?? SERVICE_ACCOUNT_DIR,
    });
  }
  throw new PlexusError("invalid-config", "it is not known where the API server is", {
    details: "run in a pod, where KUBERNETES_SERVICE_HOST is set, or name a kubeconfig",
  });
}
