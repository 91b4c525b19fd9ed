/** Puts what a contract wants into a cluster, the test API server or a real one, in the way in which its users would. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished, vi } from "vitest";
import { parse } from "yaml";
import { kubeconfigCredentials } from "../../../daemon/adapters/kubernetes/kubeconfig-credentials.ts";
import type { Kubernetes } from "../../../daemon/adapters/kubernetes/kubernetes.ts";
import { type Namespace, namespace } from "../../../daemon/domain/ids.ts";
import { at, isObject, type JsonObject, textAt } from "../../api-server/objects.ts";
import type { Sample } from "../../api-server/samples.ts";
import { openWith } from "./cluster.ts";

/** Two kubeconfigs: of somebody who may make what the contracts want, and of the daemon. */
export interface ContractCluster {
  readonly admin: string;
  readonly daemon: string;
}

/** What one test has in the cluster. Its namespaces have names of their own and go with the test; no kubelet has its node. */
export interface Stage {
  /** What the contract's namespace is called in the cluster. */
  readonly home: (name: string) => Namespace;
  /** Makes an object, its namespace too. Resolves with its UID, which the cluster chooses. */
  readonly make: (object: Sample) => Promise<string>;
  readonly annotationsOf: (home: string, podName: string) => Promise<JsonObject>;
  /** The adapter, in sync. */
  readonly follow: (options?: { readonly podWaitMs?: number }) => Promise<Kubernetes>;
}

const NADS = "/apis/k8s.cni.cncf.io/v1/network-attachment-definitions";
const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const CRD = "network-attachment-definitions.k8s.cni.cncf.io";
/** For what the cluster does by and by. */
const DEADLINE_MS = 30_000;

/** Sees to it that there is the NetworkAttachmentDefinition kind. Returns how to take it away again, if it was not there before. */
export async function installNetworkKind({ admin }: ContractCluster): Promise<() => Promise<void>> {
  const call = caller(admin);
  const isServed = async (): Promise<boolean> => {
    const reply = await call("GET", `${NADS}?limit=1`);
    if (reply.status === 404) return false;
    await succeed(reply);
    return true;
  };
  if (await isServed()) return () => Promise.resolve();
  await succeed(call("POST", CRDS, parse(await readFile("deploy/base/crd.yaml", "utf8"))));
  const remove = async (): Promise<void> => {
    await succeed(call("DELETE", `${CRDS}/${CRD}`));
  };
  try {
    await vi.waitUntil(isServed, { timeout: DEADLINE_MS });
    return remove;
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}

export function setStage({ admin, daemon }: ContractCluster): Stage {
  const call = caller(admin);
  const id = `plexus-contract-${randomBytes(4).toString("hex")}`;
  const home = (name: string): Namespace => namespace(`${id}-${name}`);
  const homes = new Set<string>();
  onTestFinished(async () => {
    for (const name of homes) await succeed(call("DELETE", `/api/v1/namespaces/${name}`));
  });

  async function makeHome(name: string): Promise<void> {
    if (homes.has(name)) return;
    // Nothing will run in it, so that no policy need be met.
    const labels = { "pod-security.kubernetes.io/enforce": "privileged" };
    const object = { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
    await succeed(call("POST", "/api/v1/namespaces", object));
    homes.add(name);
  }

  /** There is no kubelet that starts it, nor one that confirms that it has ended. */
  const onNoNode = ({ spec, ...rest }: JsonObject): JsonObject => {
    const given = isObject(spec) ? spec : {};
    return { ...rest, spec: { ...given, nodeName: id, terminationGracePeriodSeconds: 0 } };
  };

  return {
    home,
    async make({ metadata, ...rest }) {
      const place = home(metadata.namespace);
      await makeHome(place);
      const isPod = rest.kind === "Pod";
      const path = isPod ? `/api/v1/namespaces/${place}/pods` : NADS.replace("/v1/", `/v1/namespaces/${place}/`);
      const object = { ...(isPod ? onNoNode(rest) : rest), metadata: { ...metadata, namespace: place } };
      return textAt(await succeed(retried(() => call("POST", path, object))), "metadata.uid");
    },
    async annotationsOf(place, podName) {
      const found = await succeed(call("GET", `/api/v1/namespaces/${home(place)}/pods/${podName}`));
      const annotations = at(found, "metadata.annotations");
      return isObject(annotations) ? annotations : {};
    },
    async follow(options = {}) {
      const opened = openWith({ kubeconfig: daemon, nodeName: id, ...options });
      await vi.waitUntil(() => Object.values(opened.synced()).every(Boolean), { timeout: DEADLINE_MS });
      return opened;
    },
  };
}

interface Reply {
  readonly what: string;
  readonly status: number;
  readonly body: string;
}

type Caller = (method: "DELETE" | "GET" | "POST", path: string, body?: unknown) => Promise<Reply>;

function caller(kubeconfig: string): Caller {
  const credentials = kubeconfigCredentials(kubeconfig);
  return async (method, path, body) => {
    const { server, headers, tls } = await credentials.current();
    const send = server.protocol === "https:" ? httpsRequest : httpRequest;
    const url = new URL(server.pathname.replace(/\/$/, "") + path, server);
    const options = { ...tls, method, headers: { ...headers, "content-type": "application/json" }, agent: false };
    return new Promise((resolve, reject) => {
      const outgoing = send(url, { ...options, signal: AbortSignal.timeout(DEADLINE_MS) }, (response) => {
        const { statusCode: status = 0 } = response;
        text(response).then((answer) => resolve({ what: `${method} ${path}`, status, body: answer }), reject);
      });
      outgoing.on("error", reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  };
}

async function succeed(reply: Reply | Promise<Reply>): Promise<JsonObject> {
  const { what, status, body } = await reply;
  if (status >= 300) throw new Error(`${what}: ${String(status)} ${body}`);
  return JSON.parse(body) as JsonObject;
}

/** A namespace gets its service account a moment after it was made; before that, pods are forbidden in it. */
async function retried(post: () => Promise<Reply>): Promise<Reply> {
  const end = performance.now() + DEADLINE_MS;
  for (;;) {
    const reply = await post();
    if (reply.status !== 403 || !/service ?account .* not found/.test(reply.body) || performance.now() > end)
      return reply;
    await sleep(200);
  }
}
