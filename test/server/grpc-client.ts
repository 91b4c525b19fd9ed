/** A gRPC client of the daemon's services, as any operator could write one from the protos. */
import {
  credentials,
  loadPackageDefinition,
  type Client,
  type ClientReadableStream,
  type ServiceError,
  type CallOptions,
  Metadata,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const definition = loadSync(["plexus/v1/cni.proto", "plexus/v1/inspector.proto"], {
  includeDirs: ["proto"],
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});

export interface CniReply {
  readonly result?: Buffer;
  readonly error?: { readonly code: number; readonly msg: string; readonly details: string };
  readonly outcome?: "result" | "error";
}

type Unary = (
  message: object,
  metadata: Metadata,
  options: CallOptions,
  callback: (error: ServiceError | null, reply: unknown) => void,
) => { cancel(): void };

export interface PendingCall {
  readonly reply: Promise<unknown>;
  cancel(): void;
}

export interface GrpcClient {
  /** Calls `plexus.v1.<service>/<method>`. */
  call(method: `${"Cni" | "Inspector"}/${string}`, message: object, deadlineMs?: number): PendingCall;
  close(): void;
}

/** @param socketPath absolute path of a unix socket */
export function grpcClient(socketPath: string): GrpcClient {
  const { plexus } = loadPackageDefinition(definition) as unknown as {
    plexus: { v1: Record<string, new (address: string, credentials: unknown) => Client> };
  };
  const clients = new Map<string, Client>();
  return {
    call(path, message, deadlineMs = 20_000) {
      const [service = "", method = ""] = path.split("/");
      const Service = plexus.v1[service];
      if (Service === undefined) throw new Error(`no service ${service}`);
      const client = clients.get(service) ?? new Service(`unix:${socketPath}`, credentials.createInsecure());
      clients.set(service, client);
      const unary = (client as unknown as Record<string, Unary>)[method];
      if (unary === undefined) throw new Error(`no method ${path}`);
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const call = unary.call(
        client,
        message,
        new Metadata(),
        { deadline: Date.now() + deadlineMs },
        (error, reply) => {
          if (error === null) resolve(reply);
          else reject(error);
        },
      );
      return {
        reply: promise,
        cancel: () => {
          call.cancel();
        },
      };
    },
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

interface StandardClients {
  readonly grpc: {
    readonly health: { readonly v1: { readonly Health: new (address: string, credentials: unknown) => HealthClient } };
  };
}
type HealthClient = Client & {
  check: Unary;
  watch(message: object): ClientReadableStream<{ readonly status: string }>;
};
const { grpc } = loadPackageDefinition(
  loadSync(["health/v1/health.proto"], {
    includeDirs: ["node_modules/grpc-health-check/proto"],
    enums: String,
  }),
) as unknown as StandardClients;

/** `SERVING`, `NOT_SERVING` ... as grpc.health.v1 says it. */
export async function healthOf(socketPath: string, service: string): Promise<string> {
  const client = new grpc.health.v1.Health(`unix:${socketPath}`, credentials.createInsecure());
  const { promise, resolve, reject } = Promise.withResolvers<{ status: string }>();
  client.check({ service }, new Metadata(), { deadline: Date.now() + 5_000 }, (error, reply) => {
    if (error === null) resolve(reply as { status: string });
    else reject(error);
  });
  return promise
    .then(({ status }) => status)
    .finally(() => {
      client.close();
    });
}

/** Every health that the daemon's service is said to have, one after the other; the stream lasts until the server ends it. */
export function watchHealth(socketPath: string): { next(): Promise<string> } {
  const client = new grpc.health.v1.Health(`unix:${socketPath}`, credentials.createInsecure());
  const seen: string[] = [];
  let wake: () => void = () => undefined;
  const stream = client.watch({ service: "plexus.v1.Cni" });
  stream.on("data", ({ status }: { readonly status: string }) => {
    seen.push(status);
    wake();
  });
  stream.on("error", () => {
    client.close();
  });
  return {
    async next() {
      while (seen.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return seen.shift() ?? "";
    },
  };
}
