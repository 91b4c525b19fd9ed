/** A kubelet as far as devices go: its directory, with a real gRPC server on the pod-resources socket or a checkpoint file in it. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Server, ServerCredentials, type ServiceDefinition, type ServiceError, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** By pod, as `<namespace>/<name>`: of each container, ids by resource. */
export type Allocations = Readonly<Record<string, readonly Readonly<Record<string, readonly string[]>>[]>>;

/** How it comes to a question. */
export type Manner =
  | "answers"
  /** As it says when the feature is switched off. */
  | "disabled"
  | "unimplemented"
  | "exhausted"
  /** The question is taken, and that is all. */
  | "hangs";

export interface Kubelet {
  /** Changed at any time. */
  allocations: Allocations;
  get: Manner;
  list: Manner;
  /** Until it resolves, answers to lists that have been made up are held back. */
  hold: Promise<void>;
  /** `get <namespace>/<name>` and `list`, oldest first. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

const service = loadSync("kubelet/podresources/v1/podresources.proto", { includeDirs: ["proto"], defaults: true })[
  "v1.PodResourcesLister"
] as ServiceDefinition;

type Reply = (error: Partial<ServiceError> | null, value?: object) => void;

/** Listens in this directory. Answers `get` as kubelets since 1.34 do, unless told otherwise. */
export async function startKubelet(kubeletDir: string, allocations: Allocations = {}): Promise<Kubelet> {
  const asked: string[] = [];
  const server = new Server({ "grpc.max_send_message_length": 64 << 20 });

  const reply = async (manner: Manner, answer: () => object, callback: Reply): Promise<void> => {
    switch (manner) {
      case "answers": {
        const value = answer();
        await kubelet.hold;
        callback(null, value);
        return;
      }
      case "disabled":
        callback({ code: status.UNKNOWN, details: "PodResources API Get method disabled" });
        return;
      case "unimplemented":
        callback({ code: status.UNIMPLEMENTED, details: "unknown method Get for service v1.PodResourcesLister" });
        return;
      case "exhausted":
        callback({ code: status.RESOURCE_EXHAUSTED, details: "rejected by rate limit" });
        return;
      case "hangs":
    }
  };
  server.addService(service, {
    Get: ({ request }: { request: { podName: string; podNamespace: string } }, callback: Reply) => {
      const key = `${request.podNamespace}/${request.podName}`;
      asked.push(`get ${key}`);
      const containers = kubelet.allocations[key];
      if (kubelet.get === "answers" && containers === undefined) {
        const details = `pod ${request.podName} in namespace ${request.podNamespace} not found`;
        callback({ code: status.UNKNOWN, details });
      } else {
        void reply(kubelet.get, () => ({ podResources: podResources(key, containers ?? []) }), callback);
      }
    },
    List: (_: unknown, callback: Reply) => {
      asked.push("list");
      const pods = (): object[] =>
        Object.entries(kubelet.allocations).map(([key, containers]) => podResources(key, containers));
      void reply(kubelet.list, () => ({ podResources: pods() }), callback);
    },
  });
  const socket = join(kubeletDir, "pod-resources/kubelet.sock");
  await mkdir(dirname(socket), { recursive: true });
  await rm(socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });

  const kubelet: Kubelet = {
    allocations,
    get: "answers",
    list: "answers",
    hold: Promise.resolve(),
    asked,
    stop: async () => {
      server.forceShutdown();
      await rm(socket, { force: true });
    },
  };
  return kubelet;
}

function podResources(key: string, containers: Allocations[string]): object {
  const [namespace, name] = key.split("/");
  return {
    namespace,
    name,
    containers: containers.map((resources, index) => ({
      name: `container-${index}`,
      devices: Object.entries(resources).map(([resourceName, deviceIds]) => ({ resourceName, deviceIds })),
    })),
  };
}

/** The checkpoint of a kubelet that has no such socket, with these entries. */
export async function writeCheckpoint(kubeletDir: string, entries: readonly object[] | null): Promise<void> {
  const file = join(kubeletDir, "device-plugins/kubelet_internal_checkpoint");
  await mkdir(dirname(file), { recursive: true });
  const data = { PodDeviceEntries: entries, RegisteredDevices: { "intel.com/sriov": ["dev0"] } };
  await writeFile(file, JSON.stringify({ Data: data, Checksum: 1234 }));
}
