/** Asks the daemon's Inspector service what it has on record. */
import { join } from "node:path";
import {
  type CallOptions,
  type ChannelCredentials,
  type Client,
  credentials,
  loadPackageDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";

/** plexus.v1.Sandbox, as far as the demo needs it. */
export interface Sandbox {
  readonly attachments: readonly { readonly network: string; readonly ifname: string; readonly result: string }[];
  readonly networkStatus: string;
}

interface Inspector extends Client {
  GetSandbox(
    request: { readonly containerId: string },
    options: CallOptions,
    callback: (error: ServiceError | null, reply: Sandbox) => void,
  ): void;
}

const SOCKET = "unix:///run/plexus/plexus-operator.sock";
const deadlineMs = 5_000;

export async function getSandbox(root: string, containerId: string): Promise<Sandbox> {
  const definition = await load("plexus/v1/inspector.proto", { includeDirs: [join(root, "proto")], defaults: true });
  // grpc-js cannot know what the proto file holds.
  const { plexus } = loadPackageDefinition(definition) as unknown as {
    readonly plexus: { readonly v1: { readonly Inspector: new (at: string, as: ChannelCredentials) => Inspector } };
  };
  const client = new plexus.v1.Inspector(SOCKET, credentials.createInsecure());
  try {
    return await new Promise<Sandbox>((resolve, reject) => {
      client.GetSandbox({ containerId }, { deadline: Date.now() + deadlineMs }, (error, reply) => {
        if (error === null) resolve(reply);
        else reject(error);
      });
    });
  } finally {
    client.close();
  }
}
