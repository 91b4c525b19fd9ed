/** The daemon's gRPC server on its unix socket: Cni, Inspector, health and reflection. */
import { chmod, lstat, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type GrpcObject,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import * as z from "zod";
import { PlexusError } from "../domain/errors.ts";
import type { Inspection } from "../operations/inspect.ts";
import { cniService, type CniServiceDeps } from "./cni-service.ts";
import { inspectorService } from "./inspector-service.ts";

export interface ServerOptions extends CniServiceDeps {
  readonly inspection: Inspection;
  /** The socket is `plexus.sock` in here. Made 0700 if it is not there. */
  readonly socketDir: string;
  /** Holds `plexus/v1/*.proto`. */
  readonly protoDir: string;
}

export interface RunningServer {
  readonly socketPath: string;
  /**
   * Answers no new call, lets those under way finish for as long as the signal is not raised, then cuts them off.
   * Resolves when nothing of the server is left.
   */
  stop(hurry: AbortSignal): Promise<void>;
}

const SERVICES = ["plexus.v1.Cni", "plexus.v1.Inspector"] as const;

/** Far above any config or result: a bound on what one call may make the daemon hold. */
const LARGEST_MESSAGE_BYTES = 16 << 20;

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
  const server = new Server({
    "grpc.max_receive_message_length": LARGEST_MESSAGE_BYTES,
    "grpc.max_send_message_length": LARGEST_MESSAGE_BYTES,
  });
  server.addService(serviceOf(grpcObject, "Cni"), cniService(options));
  server.addService(serviceOf(grpcObject, "Inspector"), inspectorService(options.inspection));
  const health = new HealthImplementation(everyService("SERVING"));
  health.addToServer(server);
  new ReflectionService(definition).addToServer(server);

  const socket = await bind(server, options.socketDir);
  return {
    socketPath: socket.path,
    async stop(hurry) {
      for (const service of ["", ...SERVICES]) health.setStatus(service, "NOT_SERVING");
      await shutDown(server, hurry);
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

/**
 * Binds beside the final name and renames into place: callers meet the old server or the new one, never a dead socket, and a stale socket
 * file of a daemon that was killed is simply replaced.
 */
async function bind(server: Server, socketDir: string): Promise<{ path: string; remove(): Promise<void> }> {
  const path = join(socketDir, "plexus.sock");
  const temporary = join(socketDir, `.plexus-${process.pid}.sock`);
  try {
    await mkdir(socketDir, { recursive: true, mode: 0o700 });
    await chmod(socketDir, 0o700);
    await rm(temporary, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${temporary}`, ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    await chmod(temporary, 0o600);
    const { ino } = await lstat(temporary);
    await rename(temporary, path);
    return {
      path,
      // Only our own: by now a successor may have put its socket in place.
      remove: async () => {
        const there = await lstat(path).catch(() => undefined);
        if (there?.ino === ino) await rm(path, { force: true });
      },
    };
  } catch (cause) {
    throw new PlexusError("io-failure", `cannot listen on ${path}: ${(cause as Error).message}`, { cause });
  }
}

async function shutDown(server: Server, hurry: AbortSignal): Promise<void> {
  const cut = (): void => {
    server.forceShutdown();
  };
  await new Promise<void>((resolve) => {
    hurry.addEventListener("abort", cut, { once: true });
    // Its error only says that the server was not running.
    server.tryShutdown(() => {
      resolve();
    });
    if (hurry.aborted) cut();
  });
  hurry.removeEventListener("abort", cut);
}
