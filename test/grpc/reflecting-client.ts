/** A client that knows of a server's services what reflection says, as grpcurl does. Shares no proto file, loader or descriptor library with it. */
import { once } from "node:events";
import { type Client, Client as GrpcClient, credentials, Metadata } from "@grpc/grpc-js";
import { type DescribedFile, describedFile, read } from "./descriptors.ts";
import { jsonForm } from "./json-form.ts";

const LONGEST_MS = 10_000;
/** Fields of ServerReflectionRequest. */
const Ask = { fileByFilename: 3, fileContainingSymbol: 4, listServices: 7 } as const;
/** Fields of ServerReflectionResponse. */
const FILES = 4;
const SERVICES = 6;
const ERROR = 7;

export interface ReflectingClient {
  services(): Promise<readonly string[]>;
  /** The file that describes a symbol, then the files that the server sent with it. */
  files(symbol: string): Promise<readonly DescribedFile[]>;
  file(name: string): Promise<DescribedFile>;
  /** @param method such as `plexus.v1.Inspector/GetSandbox` */
  call(method: string, request?: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>;
  close(): void;
}

/** @param version which of the two reflection services to ask */
export function reflectingClient(socket: string, version: "v1" | "v1alpha" = "v1"): ReflectingClient {
  // A pool of its own: what another client met at this path shall not delay this one.
  const options = { "grpc.use_local_subchannel_pool": 1 };
  const client = new GrpcClient(`unix:${socket}`, credentials.createInsecure(), options);

  async function ask(field: number, question: string, answer: number): Promise<readonly Buffer[]> {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const stream = client.makeBidiStreamRequest(path, asIs, asIs, new Metadata(), {
      deadline: Date.now() + LONGEST_MS,
    });
    stream.write(Buffer.from([field * 8 + 2, question.length, ...Buffer.from(question)]));
    const [reply] = (await once(stream, "data")) as [Buffer];
    const ended = once(stream.resume(), "end");
    stream.end();
    await ended;
    const sent = read(reply);
    const refused = sent.find((one) => one.field === ERROR);
    if (refused !== undefined) throw new Error(`reflection refuses ${question}: ${String(refused.value)}`);
    const found = sent.find((one) => one.field === answer)?.value as Buffer;
    return read(found).map(({ value }) => value as Buffer);
  }

  const files = async (symbol: string): Promise<readonly DescribedFile[]> =>
    (await ask(Ask.fileContainingSymbol, symbol, FILES)).map(describedFile);

  return {
    services: async () => (await ask(Ask.listServices, "", SERVICES)).map((service) => String(read(service)[0]?.value)),
    files,
    file: async (name) => describedFile((await ask(Ask.fileByFilename, name, FILES))[0] ?? Buffer.alloc(0)),
    async call(method, request = {}) {
      const [service = "", name = ""] = method.split("/");
      const described = await files(service);
      const found = described
        .flatMap(({ services }) => services.get(`.${service}`) ?? [])
        .find((one) => one.name === name);
      if (found === undefined) throw new Error(`the server describes no method ${method}`);
      const form = jsonForm(described);
      return form.decode(found.output, await unary(client, `/${method}`, form.encode(found.input, request)));
    },
    close: () => {
      client.close();
    },
  };
}

const asIs = (bytes: Buffer): Buffer => bytes;

function unary(client: Client, path: string, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asIs, asIs, request, { deadline: Date.now() + LONGEST_MS }, (error, reply) => {
      if (error === null) resolve(reply ?? Buffer.alloc(0));
      else reject(error);
    });
  });
}
