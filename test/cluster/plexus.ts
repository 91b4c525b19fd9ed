/**
 * Plexus on the cluster's node: the executable where the runtime looks for plugins, and the daemon with what deploy/ gives to its pod, the
 * token and the rights of the service account, and nothing more.
 */
import { join } from "node:path";
import { enterCluster, type Cluster, type ClusterKey } from "./cluster.ts";
import { BIN, NET_D, NODE_NAME } from "./components.ts";
import { SERVICE_ADDRESS } from "./machine.ts";

export interface Plexus {
  /** Starts the daemon; resolves when it serves and knows the cluster's pods and networks. */
  start(settings?: Settings): Promise<void>;
  terminate(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** The daemon's log since it was first started. */
  log(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

type Settings = Readonly<Record<string, unknown>>;

const NAME = "plexus-daemon";
const CONFIG = "/etc/plexus/daemon.json";
/** Where the daemon is, a copy: that of the checkout may be built anew meanwhile. */
const HOME = "/opt/plexus";
const PARTS = "plexus-daemon plexus-daemon.mjs plexus-daemon.d plexus-launcher proto";
/** Where a pod's service account is, inside of it. */
const ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount";
const TOKEN_REQUEST = "/api/v1/namespaces/kube-system/serviceaccounts/plexus/token";

/** The default network of pods, if no test wants another. */
export const PODS = {
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: "pods0",
      isGateway: true,
      ipam: { type: "host-local", ranges: [[{ subnet: "10.85.0.0/16" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

export const CONF = {
  cniVersion: "1.0.0",
  name: "plexus",
  type: "plexus",
  capabilities: { portMappings: true },
  delegates: [PODS],
};

/** A path of the checkout, which the machine sees too. */
export const here = (...parts: readonly string[]): string => join(import.meta.dirname, "../..", ...parts);

/** Puts everything in its place, as an installation does. The runtime finds it when a conf is there, the last thing to be written. */
export async function install(cluster: Cluster): Promise<void> {
  const { machine } = cluster;
  for (const manifest of ["crd.yaml", "rbac.yaml"]) await cluster.kubectl("apply", "-f", here("deploy/base", manifest));
  await cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s");
  const request = JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} });
  await machine.write(`${ACCOUNT}/request`, request);
  const answer = JSON.parse(await cluster.kubectl("create", "--raw", TOKEN_REQUEST, "-f", `${ACCOUNT}/request`)) as {
    readonly status: { readonly token: string };
  };
  await machine.write(`${ACCOUNT}/token`, answer.status.token);
  await machine.sh(`rm ${ACCOUNT}/request && cp /etc/kubernetes/pki/ca.crt ${ACCOUNT}/ca.crt`);
  await machine.sh(`mkdir -p ${HOME} && cd ${here("dist")} && cp -R ${PARTS} ${HOME}/`);
  // The same executable serves confs that were written for Multus.
  await machine.sh(`cp ${here("dist/plexus")} ${BIN}/plexus && ln -s plexus ${BIN}/multus`);
  await machine.sh(`ln -s ${here(".cache/flannel/flannel")} ${BIN}/flannel`);
  await plexusOn(cluster).start();
  await machine.write(`${NET_D}/00-plexus.conf`, JSON.stringify(CONF));
}

/** Takes all of it off the node again. */
export async function uninstall(cluster: Cluster): Promise<void> {
  await plexusOn(cluster).terminate();
  await cluster.machine.sh(
    `rm -rf ${NET_D}/00-* ${BIN}/plexus ${BIN}/multus ${BIN}/flannel /run/plexus /var/lib/plexus /etc/plexus ${HOME}`,
  );
  await cluster.machine.sh(`rm -r ${ACCOUNT}`);
}

export const enterPlexus = (key: ClusterKey): Plexus => plexusOn(enterCluster(key));

function plexusOn({ machine, processes }: Cluster): Plexus {
  async function log(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const lines = (await processes.logOf(NAME)).split("\n").filter((line) => line.startsWith("{"));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
  return {
    log,
    async start(settings = {}) {
      await machine.write(CONFIG, JSON.stringify({ nodeName: NODE_NAME, ...settings }));
      const before = (await machine.run(["sh", "-c", `cat /run/cluster/${NAME}.log`])).stdout.length;
      const env = { NODE: process.execPath, KUBERNETES_SERVICE_HOST: SERVICE_ADDRESS, KUBERNETES_SERVICE_PORT: "443" };
      const ready = async (): Promise<void> => {
        const said = (await processes.logOf(NAME)).slice(before);
        // Pods and networks.
        if (said.split('"following the API server"').length < 3 || !said.includes('"ready"')) throw new Error(said);
      };
      await processes.start(NAME, [`${HOME}/plexus-daemon`, "--config", CONFIG], ready, env);
    },
    terminate: () => processes.stop(NAME, "TERM"),
    kill: () => processes.stop(NAME, "KILL"),
  };
}

/** Resolves when the kubelet says that pods may come. */
export async function awaitNode({ kubectl }: Cluster): Promise<void> {
  await kubectl("wait", "--for=condition=Ready", `node/${NODE_NAME}`, "--timeout=90s");
}
