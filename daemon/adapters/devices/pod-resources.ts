/** The kubelet's pod-resources API on its socket (spec §6.2): one call, one connection. Nothing is kept that a kubelet's restart could spoil. */
import { Client, credentials, type MethodDefinition, type ServiceError, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import * as z from "zod";
import { PlexusError } from "../../domain/errors.ts";
import type { PodKey } from "../../domain/pod.ts";
import { type ListedDevices, type PodDevices, podDevices } from "../../domain/pod-devices.ts";
import type { Clock } from "../../ports/clock.ts";

export interface PodResources {
  /** Undefined when this kubelet does not answer it, or knows no such pod; it does not say which. */
  get(pod: PodKey, signal: AbortSignal): Promise<PodDevices | undefined>;
  /** The devices of every pod that the kubelet has, by `<namespace>/<name>`. */
  list(): Promise<ReadonlyMap<string, PodDevices>>;
}

export interface PodResourcesOptions {
  readonly socket: string;
  /** Holds `kubelet/podresources/v1/podresources.proto`. */
  readonly protoDir: string;
  readonly clock: Clock;
}

/** For one question, attempts and pauses together. */
const DEADLINE_MS = 10_000;
const LARGEST_MESSAGE_BYTES = 16 << 20;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** A kubelet may be updated, or told to answer: it is asked again now and then. */
const NO_GET_FOR_MS = 600_000;

/** The kubelet answers a hundred questions a second, of all who ask, and refuses the rest; while it starts it answers none. */
const PASSING: ReadonlySet<number> = new Set([status.RESOURCE_EXHAUSTED, status.UNAVAILABLE]);

/** Its questions reject with `try-again-later` when there is no answer in ten seconds, or when the signal is raised first. */
export function makePodResources({ socket, protoDir, clock }: PodResourcesOptions): PodResources {
  // Most nodes never ask.
  let known: Methods | undefined;
  const methods = (): Methods => (known ??= methodsIn(protoDir));
  let noGetUntil = -Infinity;

  async function ask(
    method: MethodDefinition<object, unknown>,
    message: object,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const timeout = AbortSignal.timeout(DEADLINE_MS);
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await callOnce(socket, method, message, either);
      } catch (thrown) {
        const error = thrown as ServiceError;
        const passing = PASSING.has(error.code);
        if (passing) await clock.sleep(pauseMs, either);
        if (!passing || either.aborted) throw refusal(error, timeout.aborted);
      }
    }
  }

  return {
    async get({ namespace, name }, signal) {
      if (clock.monotonic() < noGetUntil) return undefined;
      try {
        const reply = await ask(methods().Get, { podName: name, podNamespace: namespace }, signal);
        const { podResources } = GetReply.parse(reply);
        return podResources === null ? undefined : devicesOf(podResources);
      } catch (thrown) {
        const { cause } = PlexusError.from(thrown);
        if (!isServiceError(cause) || PASSING.has(cause.code) || cause.code === status.CANCELLED) throw thrown;
        // Switched off, it has no status of its own. A pod that is not there has none either, and is looked for once more in the list.
        if (cause.code === status.UNIMPLEMENTED || cause.details.includes("disabled")) {
          noGetUntil = clock.monotonic() + NO_GET_FOR_MS;
        }
        return undefined;
      }
    },

    async list() {
      const { podResources } = ListReply.parse(await ask(methods().List, {}));
      return new Map(podResources.map((pod) => [`${pod.namespace}/${pod.name}`, devicesOf(pod)]));
    },
  };
}

const Resources = z.object({
  namespace: z.string(),
  name: z.string(),
  containers: z.array(
    z.object({ devices: z.array(z.object({ resourceName: z.string(), deviceIds: z.array(z.string()) })) }),
  ),
});
const GetReply = z.object({ podResources: Resources.nullable() });
const ListReply = z.object({ podResources: z.array(Resources) });

function devicesOf({ containers }: z.output<typeof Resources>): PodDevices {
  const devices = containers.flatMap((container) => container.devices);
  return podDevices(devices.map(({ resourceName, deviceIds }): ListedDevices => [resourceName, deviceIds]));
}

interface Methods {
  readonly Get: MethodDefinition<object, unknown>;
  readonly List: MethodDefinition<object, unknown>;
}

function methodsIn(protoDir: string): Methods {
  const definition = loadSync("kubelet/podresources/v1/podresources.proto", {
    includeDirs: [protoDir],
    defaults: true,
  });
  // The file is ours, and this is the service in it.
  const { Get, List } = definition["v1.PodResourcesLister"] as Partial<Methods>;
  if (Get === undefined || List === undefined) throw new PlexusError("internal", "the pod-resources API is incomplete");
  return { Get, List };
}

function callOnce(
  socket: string,
  { path, requestSerialize, responseDeserialize }: MethodDefinition<object, unknown>,
  message: object,
  signal: AbortSignal,
): Promise<unknown> {
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": LARGEST_MESSAGE_BYTES,
    // Its failures are its own: no pause of a connection before is served to the end.
    "grpc.use_local_subchannel_pool": 1,
  });
  return new Promise<unknown>((resolve, reject) => {
    const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, (error, reply) => {
      signal.removeEventListener("abort", cancel);
      if (error === null) resolve(reply);
      else reject(error);
    });
    const cancel = (): void => {
      call.cancel();
    };
    signal.addEventListener("abort", cancel);
    if (signal.aborted) cancel();
  }).finally(() => {
    client.close();
  });
}

function isServiceError(cause: unknown): cause is ServiceError {
  return cause instanceof Error && "code" in cause && "details" in cause;
}

function refusal(cause: ServiceError, tooLate: boolean): PlexusError {
  const late = tooLate ? ` within ${DEADLINE_MS / 1_000} s` : "";
  return new PlexusError(
    "try-again-later",
    `the kubelet does not say which devices the pod has${late}: ${cause.message}`,
    {
      details: "the runtime will ask again; see whether the kubelet answers on its pod-resources socket",
      cause,
    },
  );
}
