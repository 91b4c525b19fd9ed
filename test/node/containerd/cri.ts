/** A container runtime's CRI, as a kubelet calls it; cri.proto has the messages. */
import { join } from "node:path";
import {
  type CallOptions,
  type ChannelCredentials,
  type Client,
  credentials,
  loadPackageDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** A port mapping or an annotation is for the runtime to make CNI capability args of. */
export interface SandboxConfig {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly attempt: number;
  };
  readonly hostname: string;
  readonly port_mappings: readonly PortMapping[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: { readonly cgroup_parent: string };
}

export interface PortMapping {
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly container_port: number;
  readonly host_port: number;
}

interface Condition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

interface SandboxStatus {
  readonly state: "SANDBOX_READY" | "SANDBOX_NOTREADY";
  readonly network: { readonly ip: string } | null;
}

interface Verbose {
  /** By name, JSON. */
  readonly info: Readonly<Record<string, string>>;
}

interface Listed extends Pick<SandboxConfig, "metadata"> {
  readonly id: string;
}

/** What each method of cri.proto takes and gives. */
interface Methods {
  Status: [{ readonly verbose: true }, { readonly status: { readonly conditions: readonly Condition[] } } & Verbose];
  RunPodSandbox: [{ readonly config: SandboxConfig }, { readonly pod_sandbox_id: string }];
  StopPodSandbox: [{ readonly pod_sandbox_id: string }, object];
  RemovePodSandbox: [{ readonly pod_sandbox_id: string }, object];
  PodSandboxStatus: [
    { readonly pod_sandbox_id: string; readonly verbose: true },
    { readonly status: SandboxStatus } & Verbose,
  ];
  ListPodSandbox: [object, { readonly items: readonly Listed[] }];
  ListImages: [object, { readonly images: readonly { readonly repo_tags: readonly string[] }[] }];
}

export interface Cri {
  /** Rejects with the runtime's own message, or when the signal says that the caller has gone. */
  call<Name extends keyof Methods>(
    method: Name,
    request: Methods[Name][0],
    signal?: AbortSignal,
  ): Promise<Methods[Name][1]>;
  close(): void;
}

/** A kubelet gives RunPodSandbox four minutes; no test waits that long. */
const DEADLINE_MS = 100_000;

type Unary = (
  request: object,
  options: CallOptions,
  callback: (error: ServiceError | null, reply: never) => void,
) => { cancel(): void };
type Service = new (at: string, as: ChannelCredentials) => Client & Readonly<Record<string, Unary>>;

const definition = loadSync(join(import.meta.dirname, "cri.proto"), {
  keepCase: true,
  enums: String,
  defaults: true,
});
// grpc-js cannot know what the proto file holds.
const { runtime } = loadPackageDefinition(definition) as unknown as {
  readonly runtime: { readonly v1: { readonly RuntimeService: Service; readonly ImageService: Service } };
};

export function openCri(socket: string): Cri {
  const clients = [runtime.v1.RuntimeService, runtime.v1.ImageService].map(
    (service) => new service(`unix://${socket}`, credentials.createInsecure()),
  );
  return {
    call: (method, request, signal) =>
      new Promise((resolve, reject) => {
        const client = clients.find((one) => method in one);
        const call = client?.[method]?.(request, { deadline: Date.now() + DEADLINE_MS }, (error, reply) => {
          if (error === null) resolve(reply);
          else reject(new Error(error.details));
        });
        signal?.addEventListener("abort", () => call?.cancel());
      }),
    close() {
      for (const client of clients) client.close();
    },
  };
}
