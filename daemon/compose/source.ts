/** Where pods and networks come from: the cluster, or a directory of manifests. */
import type { Logger } from "pino";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { makeStatusFiles } from "../adapters/status-files/status-files.ts";
import { limitsOf } from "../config/limits.ts";
import type { Config } from "../config/load.ts";
import { PlexusError } from "../domain/errors.ts";
import type { Devices } from "../ports/devices.ts";
import type { Events } from "../ports/events.ts";
import type { Networks } from "../ports/networks.ts";
import type { Pods } from "../ports/pods.ts";
import type { Readings } from "../ports/readings.ts";
import type { StatusBoard } from "../ports/status-board.ts";

/** Where pods and networks come from, and where a pod's network status is shown. */
export interface Source extends Pick<Readings, "followed" | "lost" | "credentialAgeMs"> {
  readonly pods: Pods;
  readonly networks: Networks;
  readonly statusBoard: StatusBoard;
  /** Why no network status can be shown; undefined when it can, as far as is known. */
  statusProblem(): string | undefined;
  readonly events: Events;
  /** Who sets devices apart beside the kubelet. */
  readonly devices: readonly Devices[];
  /** @throws PlexusError `not-available` while not all is known yet */
  refuseUnlessSynced(): void;
  close(): Promise<void>;
}

/** A directory of manifests if there is to be one, else the cluster. What the other would need is not loaded. */
export async function openSource(config: Config, log: Logger): Promise<Source> {
  return config.manifestDir === undefined
    ? clusterSource(config, log)
    : manifestSource(config, config.manifestDir, log);
}

async function manifestSource(config: Config, directory: string, log: Logger): Promise<Source> {
  const { openManifests } = await import("../adapters/manifests/manifests.ts");
  const manifests = await openManifests({
    directory,
    podWaitMs: config.podWaitMs,
    limits: limitsOf(config),
    onProblem: (problem) => {
      log.warn({ problem }, "a manifest cannot be used");
    },
  });
  return {
    pods: manifests.pods,
    networks: manifests.networks,
    statusBoard: makeStatusFiles(config.stateDir),
    statusProblem: () => undefined,
    // A pod of a manifest has no owner to be told.
    events: { report: () => undefined },
    devices: [],
    // Manifests have been read once before anybody can ask.
    refuseUnlessSynced: () => undefined,
    followed: () => [],
    lost: () => ({ events: 0, statuses: 0 }),
    credentialAgeMs: () => undefined,
    close: () => {
      manifests.close();
      return Promise.resolve();
    },
  };
}

async function clusterSource(config: Config, log: Logger): Promise<Source> {
  const { openKubernetes } = await import("../adapters/kubernetes/kubernetes.ts");
  const { env } = process;
  const kubernetes = openKubernetes({
    nodeName: config.nodeName ?? env["NODE_NAME"] ?? env["MULTUS_NODE_NAME"] ?? "",
    kubeconfig: config.kubeconfig,
    serviceHost: env["KUBERNETES_SERVICE_HOST"],
    servicePort: env["KUBERNETES_SERVICE_PORT"],
    podWaitMs: config.podWaitMs,
    statusMode: config.statusMode,
    statusWaitMs: config.statusWaitMs,
    limits: limitsOf(config),
    onProblem: (problem) => {
      log.warn({ problem }, "trouble with the API server");
    },
    onConnected: (what, count) => {
      log.info({ what, count }, "following the API server");
    },
    clock: systemClock,
  });
  return {
    ...kubernetes,
    followed: () => kubernetes.followed().map((one) => ({ ...one, following: one.problem === undefined })),
    devices: [kubernetes.devices],
    refuseUnlessSynced: () => {
      const { pods, networks } = kubernetes.synced();
      if (pods && networks) return;
      throw new PlexusError("not-available", `the cluster's ${pods ? "networks" : "pods"} are not known yet`, {
        details: "they are being read from the API server; the daemon's log says if that goes wrong",
      });
    },
  };
}
