import { stat } from "node:fs/promises";
import { join } from "node:path";
import { PlexusError } from "../../domain/errors.ts";
import type { PodDevices } from "../../domain/pod-devices.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Devices } from "../../ports/devices.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { makeNextRound } from "./next-round.ts";
import type { PodResources } from "./pod-resources.ts";
import { givenUp, untilAborted } from "./until-raised.ts";

export interface KubeletDevicesOptions {
  /** The kubelet's own, /var/lib/kubelet on most nodes. */
  readonly kubeletDir: string;
  /** Holds `kubelet/podresources/v1/podresources.proto`. */
  readonly protoDir: string;
  readonly clock: Clock;
}

/**
 * What device plugins' devices the kubelet set apart for a pod: asked on its socket, about the one pod if the kubelet can tell of one, else
 * about all, once for all who ask at a time; read from its checkpoint where there is no socket (spec §6.2). Nothing is remembered: a pod made
 * anew under the name of another would be given the other one's devices.
 */
export function makeKubeletDevices({ kubeletDir, protoDir, clock }: KubeletDevicesOptions): Devices {
  const socket = join(kubeletDir, "pod-resources/kubelet.sock");
  const checkpoint = join(kubeletDir, "device-plugins/kubelet_internal_checkpoint");
  let loading: Promise<PodResources> | undefined;
  // Most nodes never ask the kubelet, and grpc-js takes 14 MiB: it is loaded for the first question.
  const kubelet = (): Promise<PodResources> =>
    (loading ??= import("./pod-resources.ts").then(({ makePodResources }) =>
      makePodResources({ socket, protoDir, clock }),
    ));
  const listAll = makeNextRound(async () => (await kubelet()).list());

  async function ask(pod: Parameters<Devices["ofPod"]>[0], signal: AbortSignal): Promise<PodDevices> {
    const own = await (await kubelet()).get(pod, signal);
    if (own !== undefined) return own;
    const all = await untilAborted(listAll(), signal);
    return all.get(`${pod.namespace}/${pod.name}`) ?? new Map();
  }

  return {
    async ofPod(pod, signal) {
      if (signal.aborted) throw givenUp(signal);
      if (await isThere(socket)) return ask(pod, signal);
      const noted = await readCheckpoint(checkpoint, pod.uid);
      if (noted !== undefined) return noted;
      throw new PlexusError("io-failure", `it cannot be found out which devices the pod has: ${socket} is not there`, {
        details: `nor is ${checkpoint}; give the kubelet's directory as kubeletDir in the daemon's config, and mount it into the daemon's container`,
      });
    },
  };
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw new PlexusError("io-failure", `cannot look for ${path}: ${code ?? message}`, { cause });
  }
}
