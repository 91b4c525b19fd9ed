import type { z } from "zod";
import { PlexusError } from "../../domain/errors.ts";
import type { PodKey } from "../../domain/pod.ts";
import { type ListedDevices, podDevices } from "../../domain/pod-devices.ts";
import type { Devices } from "../../ports/devices.ts";
import type { ApiClient } from "./api-client.ts";
import { objectKey, WHOLE } from "./api-objects.ts";
import { complaint, statusOf } from "./api-status.ts";
import {
  type AllocatedDevice,
  type ClaimingPod,
  ClaimingPodSchema,
  ClaimSchema,
  type PublishedDevice,
} from "./claim-objects.ts";
import { messageOf } from "./message-of.ts";
import type { NodeSlices } from "./node-slices.ts";

export interface ClaimDevicesDeps {
  readonly client: ApiClient;
  readonly slices: NodeSlices;
  /** Ends all reading. */
  readonly closed: AbortSignal;
}

type Lookup = (device: AllocatedDevice) => PublishedDevice | undefined;

/** For all that one pod's claims take to read. */
const BUDGET_MS = 20_000;
const GET_TIMEOUT_MS = 5_000;

/**
 * What a pod was given through resource claims (spec §6.3). The pod is read for it, because its claims are not followed, and then each of its
 * claims; a pod without any costs that one request.
 */
export function makeClaimDevices({ client, slices, closed }: ClaimDevicesDeps): Devices {
  /** Undefined when there is no such object. */
  async function read<T>(
    what: string,
    path: string,
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const request = { method: "GET", path, accept: WHOLE, timeoutMs: GET_TIMEOUT_MS, signal } as const;
    try {
      const answer = await client.request(request);
      if (answer.status === 404) return undefined;
      if (answer.status === 200) return schema.parse(JSON.parse(answer.body));
      throw new Error(complaint(answer.status, statusOf(answer)));
    } catch (cause) {
      throw new PlexusError("try-again-later", `cannot read ${what}: ${messageOf(cause)}`, {
        details: "which devices the pod has depends on it; see whether the API server can be reached from this node",
        cause,
      });
    }
  }

  async function claimed(
    { namespace }: PodKey,
    name: string,
    signal: AbortSignal,
  ): Promise<readonly AllocatedDevice[]> {
    const what = `resource claim ${namespace}/${name}`;
    const path = `/apis/resource.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/resourceclaims/${encodeURIComponent(name)}`;
    const devices = await read(what, path, ClaimSchema, signal);
    if (devices === undefined) {
      throw missing(
        `${what} of the pod does not exist`,
        "resource claims are read as resource.k8s.io/v1, which clusters have from 1.34 on",
      );
    }
    if (devices.length === 0) throw missing(`${what} of the pod has no device allocation`);
    return devices;
  }

  return {
    async ofPod(pod, caller) {
      const signal = AbortSignal.any([caller, closed, AbortSignal.timeout(BUDGET_MS)]);
      const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods/${encodeURIComponent(pod.name)}`;
      const found = await read(`pod ${objectKey(pod)}`, path, ClaimingPodSchema, signal);
      if (found === undefined || isAnother(found, pod.uid)) return new Map();
      const names = new Set([
        ...found.claims,
        ...(found.extended === undefined ? [] : [found.extended.resourceClaimName]),
      ]);
      if (names.size === 0) return new Map();

      const claims = new Map(
        await Promise.all([...names].map(async (name) => [name, await claimed(pod, name, signal)] as const)),
      );
      const lookup = await slices.lookup(signal);
      const own = [...found.claims]
        .flatMap((name) => claims.get(name) ?? [])
        .flatMap((device) => offered(lookup(device)));
      return podDevices([...own, ...extended(found, claims, lookup)]);
    },
  };
}

/** Other drivers' devices, graphics cards for one, say nothing of networks. */
function offered(device: PublishedDevice | undefined): readonly ListedDevices[] {
  return device?.resourceName === undefined ? [] : [[device.resourceName, [device.deviceId]]];
}

/** A claim that was made because a container requests the resource as such: then it must be a device of that resource. */
function extended(
  { extended: status }: ClaimingPod,
  claims: ReadonlyMap<string, readonly AllocatedDevice[]>,
  lookup: Lookup,
): readonly ListedDevices[] {
  if (status === undefined) return [];
  const { resourceClaimName: claim, requestMappings } = status;
  return (requestMappings ?? []).flatMap(({ resourceName, requestName }) => {
    const results = claims.get(claim)?.filter(({ request }) => request === requestName) ?? [];
    if (results.length === 0) throw missing(`request ${requestName} not found in resource claim ${claim}`);
    return results.map((result): ListedDevices => {
      const device = lookup(result);
      if (device?.resourceName === resourceName) return [resourceName, [device.deviceId]];
      const is = device === undefined ? "has no device id" : `is of resource "${device.resourceName ?? ""}"`;
      const { driver, pool } = result;
      throw missing(`device ${driver}/${pool}/${result.device}, claimed as "${resourceName}", ${is}`);
    });
  });
}

/** The pod of that name is one that was made since. */
function isAnother({ uid }: ClaimingPod, wanted: string): boolean {
  return wanted !== "" && uid !== "" && uid !== wanted;
}

function missing(
  message: string,
  details = "see the claim's status, and which devices its driver publishes",
): PlexusError {
  return new PlexusError("device-missing", message, { details });
}
