/** The gRPC server of the operators: Inspector, health and reflection. Imported only when an operator connects. */
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer, type PackageDefinition } from "@grpc/proto-loader";
import { HealthImplementation } from "grpc-health-check";
import type { Inspection } from "../../operations/observability/inspect.ts";
import { inspectorService } from "./inspector-service.ts";
import { reflectionOf } from "./reflection.ts";

export interface OperatorServerOptions {
  readonly inspection: Inspection;
  /** Holds `plexus.binpb`: the descriptor set of all services, as protoc makes it. */
  readonly protoDir: string;
}

export interface OperatorServer {
  accept(connection: Socket): void;
  /** What gRPC health says of the node: whether the daemon can attach pods. */
  setReady(ready: boolean): void;
  /** Refuses new calls; calls under way may finish. */
  goAway(): void;
}

/** Requests of operators are small. */
const LARGEST_REQUEST_BYTES = 1 << 20;
/** Inspector answers about a node with some hundred sandboxes. */
const LARGEST_REPLY_BYTES = 64 << 20;
const INSPECTOR = "plexus.v1.Inspector";
const SERVICES = [
  INSPECTOR,
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];
/** Health names these: the daemon as a whole, and the service of plexus.sock. */
const ABOUT_THE_NODE = ["", "plexus.v1.Cni"];

/** @throws when the descriptor set cannot be read */
export async function makeOperatorServer({ inspection, protoDir }: OperatorServerOptions): Promise<OperatorServer> {
  const descriptorSet = await readFile(join(protoDir, "plexus.binpb"));
  const definition = loadFileDescriptorSetFromBuffer(descriptorSet, { longs: Number, enums: String, defaults: true });
  const server = new Server({
    // channelz would keep a trace of every connection, and no operator reads it.
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": LARGEST_REQUEST_BYTES,
    "grpc.max_send_message_length": LARGEST_REPLY_BYTES,
  });
  server.addService(serviceIn(definition, INSPECTOR), inspectorService(inspection));
  const health = new HealthImplementation({ [INSPECTOR]: "SERVING" });
  health.addToServer(server);
  reflectionOf(descriptorSet, SERVICES).addToServer(server);
  const { injectConnection } = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    accept: injectConnection,
    setReady(ready) {
      for (const service of ABOUT_THE_NODE) health.setStatus(service, ready ? "SERVING" : "NOT_SERVING");
    },
    goAway() {
      for (const service of [...ABOUT_THE_NODE, INSPECTOR]) health.setStatus(service, "NOT_SERVING");
      server.tryShutdown(() => undefined);
    },
  };
}

function serviceIn(definition: PackageDefinition, name: string): ServiceDefinition {
  const service = definition[name];
  if (service === undefined || "format" in service) throw new Error(`plexus.binpb describes no service ${name}`);
  return service;
}
