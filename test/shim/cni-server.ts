import { join } from "node:path";
import { loadSync } from "@grpc/proto-loader";
import {
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceDefinition,
  type StatusObject,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

const PROTO = join(import.meta.dirname, "../../proto/plexus/v1/cni.proto");
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** The service of proto/plexus/v1/cni.proto, as the daemon's own library reads it. */
export const cniService = loadSync(PROTO, { defaults: true })["plexus.v1.Cni"] as ServiceDefinition;

export interface CniRequestMessage {
  readonly containerId: string;
  readonly netns: string;
  readonly ifname: string;
  readonly args: string;
  readonly path: string;
  readonly config: Buffer;
  readonly netnsOverride: string;
  readonly requestId: string;
}

export interface CniReplyMessage {
  readonly result?: Uint8Array;
  readonly error?: { readonly code: number; readonly msg: string; readonly details: string };
}

export type CniCall = ServerUnaryCall<CniRequestMessage, CniReplyMessage>;

/** Answers a call with a message, or rejects with a gRPC status. */
export type CniHandler = (method: string, call: CniCall) => Promise<CniReplyMessage>;

export interface CniServer {
  close(): void;
}

/** A daemon's stand-in: a real gRPC server with one handler for all methods. */
export async function startCniServer(socketPath: string, handle: CniHandler): Promise<CniServer> {
  const server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  const methods: UntypedServiceImplementation = {};
  for (const method of Object.keys(cniService)) {
    methods[method] = (call: CniCall, answer: sendUnaryData<CniReplyMessage>) => {
      handle(method, call).then(
        (reply) => answer(null, reply),
        (status: unknown) => answer(status as Partial<StatusObject>),
      );
    };
  }
  server.addService(cniService, methods);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix://${socketPath}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  return { close: () => server.forceShutdown() };
}
