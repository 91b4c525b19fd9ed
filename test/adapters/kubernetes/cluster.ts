/** An API server for a test, and what is open on it. */
import { onTestFinished, vi } from "vitest";
import { systemClock } from "../../../daemon/adapters/clock/system-clock.ts";
import { type ApiClient, makeApiClient } from "../../../daemon/adapters/kubernetes/api-client.ts";
import { kubeconfigCredentials } from "../../../daemon/adapters/kubernetes/kubeconfig-credentials.ts";
import {
  type Kubernetes,
  type KubernetesOptions,
  openKubernetes,
} from "../../../daemon/adapters/kubernetes/kubernetes.ts";
import { namespace, podName } from "../../../daemon/domain/ids.ts";
import type { PodKey } from "../../../daemon/domain/pod.ts";
import { type ApiServer, type ApiServerOptions, startApiServer } from "../../api-server/start-api-server.ts";
import { DEFAULT_LIMITS } from "../../../daemon/domain/tenant-limits.ts";

/** So long that no test sees the end of it. */
export const NEVER = 3_600_000;
export const NODE = "node-a";
/** A random number that takes off as much as may be. */
const HASTY = () => 0.999;
export const noHurry = new AbortController().signal;

export interface Opened extends Kubernetes {
  readonly problems: readonly string[];
  /** Titles and counts. */
  readonly connected: readonly string[];
}

/** Gone when the test is. */
export async function apiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const api = await startApiServer(options);
  onTestFinished(() => api.stop());
  return api;
}

/** Open until the test is over; it need not be in sync. */
export function openOn(api: ApiServer, options: Partial<KubernetesOptions> = {}): Opened {
  const { port: servicePort } = new URL(api.url);
  return openWith({ serviceHost: "127.0.0.1", servicePort, serviceAccountDir: api.directory, ...options });
}

/** The same, with whatever leads to an API server. */
export function openWith(options: Partial<KubernetesOptions>): Opened {
  const problems: string[] = [];
  const connected: string[] = [];
  const kubernetes = openKubernetes({
    nodeName: NODE,
    podWaitMs: NEVER,
    statusMode: "sync",
    limits: DEFAULT_LIMITS,
    onProblem: (message) => problems.push(message),
    onConnected: (title, count) => connected.push(`${title}: ${count}`),
    clock: systemClock,
    random: HASTY,
    ...options,
  });
  onTestFinished(() => kubernetes.close());
  return { ...kubernetes, problems, connected };
}

/** In sync, and watching. */
export async function followed(api: ApiServer, options: Partial<KubernetesOptions> = {}): Promise<Opened> {
  const opened = openOn(api, options);
  await api.until("two watches", () => api.watches().length === 2);
  await vi.waitFor(() => {
    if (!Object.values(opened.synced()).every((synced) => synced)) throw new Error("it does not get in sync");
  });
  return opened;
}

/** Closed when the test is over. */
export function clientFor(api: ApiServer): ApiClient {
  const client = makeApiClient(kubeconfigCredentials(api.kubeconfig));
  onTestFinished(() => {
    client.close();
  });
  return client;
}

export function keyOf(name: string, home = "default"): PodKey {
  return { namespace: namespace(home), name: podName(name) };
}
