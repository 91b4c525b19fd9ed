/** The daemon's gRPC server on its unix socket: Cni, Inspector, health and reflection. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  type GrpcObject,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { HealthImplementation } from "grpc-health-check";
import * as z from "zod";
import type { Inspection } from "../operations/observability/inspect.ts";
import type { Readiness } from "../operations/observability/readiness.ts";
import { cniService, type CniServiceDeps } from "./cni-service.ts";
import { type Connections, listen } from "./connections.ts";
import { followReadiness } from "./follow-readiness.ts";
import { inspectorService } from "./inspector-service.ts";
import { reflectionOf } from "./reflection.ts";
import { putSocket } from "./socket-file.ts";
import { countOperations, type OperationsUnderWay } from "./operations-under-way.ts";

export interface ServerOptions extends CniServiceDeps {
  readonly inspection: Inspection;
  /** What gRPC health says of the Cni service. */
  readonly readiness: Readiness;
  /** The socket is `plexus.sock` in here. Made 0700 if it is not there. */
  readonly socketDir: string;
  /** Holds `plexus/v1/*.proto`, and `plexus.binpb`: the descriptor set of all services, as protoc makes it. */
  readonly protoDir: string;
}

export interface RunningServer {
  readonly socketPath: string;
  /**
   * Takes no new call, lets operations under way finish for as long as the signal is not raised, whether or not somebody still waits for them,
   * and then cuts everybody off. Who keeps a connection without a call is not waited for. Resolves when nothing of the server is left.
   */
  stop(hurry: AbortSignal): Promise<void>;
}

const SERVICES = ["plexus.v1.Cni", "plexus.v1.Inspector"] as const;

/** Far above any config or result: a bound on what one call may make the daemon hold. */
const LARGEST_MESSAGE_BYTES = 16 << 20;

/** How long the last answer may take to be read. */
const LAST_WORDS_MS = 500;

/** @throws PlexusError `io-failure` when the socket cannot be made */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const definition = loadSync(["plexus/v1/cni.proto", "plexus/v1/inspector.proto"], {
    includeDirs: [options.protoDir],
    keepCase: false,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const grpcObject = loadPackageDefinition(definition);
  const underWay = countOperations(options.operations);
  const server = new Server({
    // Nobody asks for it, and it is kept for every connection.
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": LARGEST_MESSAGE_BYTES,
    "grpc.max_send_message_length": LARGEST_MESSAGE_BYTES,
  });
  server.addService(serviceOf(grpcObject, "Cni"), cniService({ ...options, operations: underWay.operations }));
  server.addService(serviceOf(grpcObject, "Inspector"), inspectorService(options.inspection));
  const health = new HealthImplementation(everyService("SERVING"));
  health.addToServer(server);
  reflectionOf(await readFile(join(options.protoDir, "plexus.binpb"))).addToServer(server);

  const stopFollowing = await followReadiness(options.readiness, options.log, (ready) => {
    for (const service of ["", "plexus.v1.Cni"]) health.setStatus(service, ready ? "SERVING" : "NOT_SERVING");
  });

  const { injectConnection } = server.createConnectionInjector(ServerCredentials.createInsecure());
  const socketPath = join(options.socketDir, "plexus.sock");
  const socket = await putSocket(socketPath, (temporary) => listen(temporary, injectConnection));
  return {
    socketPath,
    async stop(hurry) {
      stopFollowing();
      for (const service of ["", ...SERVICES]) health.setStatus(service, "NOT_SERVING");
      await shutDown(server, socket.bound, underWay, hurry);
      await socket.remove();
    },
  };
}

function everyService(status: "SERVING"): Record<string, "SERVING"> {
  return Object.fromEntries(["", ...SERVICES].map((name) => [name, status]));
}

const ServiceConstructor = z.custom<{ service: ServiceDefinition }>(
  (value) => typeof value === "function" && "service" in value,
);
const PlexusPackage = z.object({
  plexus: z.object({ v1: z.object({ Cni: ServiceConstructor, Inspector: ServiceConstructor }) }),
});

function serviceOf(grpcObject: GrpcObject, name: "Cni" | "Inspector"): ServiceDefinition {
  return PlexusPackage.parse(grpcObject).plexus.v1[name].service;
}

async function shutDown(
  server: Server,
  connections: Connections,
  underWay: OperationsUnderWay,
  hurry: AbortSignal,
): Promise<void> {
  const ended = connections.ended();
  server.tryShutdown(() => undefined);
  await Promise.race([Promise.all([ended, underWay.none()]), allAnswered(underWay), raised(hurry)]);
  connections.cut();
  await ended;
}

/** Resolves when no operation is under way, none has come of what was on its way, and answers have had their time to be read. */
async function allAnswered(underWay: OperationsUnderWay): Promise<void> {
  do {
    await underWay.none();
    await pause(LAST_WORDS_MS, undefined, { ref: false });
  } while (underWay.count() > 0);
}

function raised(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
