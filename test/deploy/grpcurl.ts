/**
 * Stands in for grpcurl, which no package registry has: `[-plaintext] -unix [-d JSON] SOCKET (list | SERVICE/METHOD)`. Like it, it knows nothing
 * of the services but what their server says of them by reflection.
 */
import { once } from "node:events";
import { parseArgs } from "node:util";
import {
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer, loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { here } from "../node/host.ts";

type Reflection = Client & { serverReflectionInfo(): ClientDuplexStream<object, Reflected> };
type Unary = (
  request: object,
  metadata: Metadata,
  options: CallOptions,
  callback: (error: ServiceError | null, reply: unknown) => void,
) => void;
interface Reflected {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] };
}

const { values, positionals } = parseArgs({
  // It has long names after one dash, too.
  args: process.argv.slice(2).map((arg) => arg.replace(/^-(?=\w\w)/, "--")),
  options: { plaintext: { type: "boolean" }, unix: { type: "boolean" }, d: { type: "string", short: "d" } },
  allowPositionals: true,
});
const [socket = "", what = ""] = positionals;

function clientOf(definition: PackageDefinition, service: string): Client {
  const Service = service
    .split(".")
    .reduce<unknown>((level, name) => (level as GrpcObject)[name], loadPackageDefinition(definition));
  return new (Service as ServiceClientConstructor)(`unix:${socket}`, credentials.createInsecure());
}

async function reflect(question: object): Promise<Reflected> {
  const includeDirs = [here("node_modules/@grpc/reflection/build/proto")];
  const definition = loadSync("grpc/reflection/v1/reflection.proto", { includeDirs });
  const client = clientOf(definition, "grpc.reflection.v1.ServerReflection") as Reflection;
  const stream = client.serverReflectionInfo();
  stream.write(question);
  const [reply] = (await once(stream, "data")) as [Reflected];
  stream.end();
  client.close();
  return reply;
}

/** As google.protobuf.FileDescriptorSet, whose field 1 they are. */
function setOf(files: readonly Buffer[]): Buffer {
  return Buffer.concat(files.flatMap((file) => [Buffer.from([0x0a, ...varint(file.length)]), file]));
}

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

async function call(service: string, method: string, request: object): Promise<unknown> {
  const { fileDescriptorResponse: files } = await reflect({ fileContainingSymbol: service });
  const definition = loadFileDescriptorSetFromBuffer(setOf(files?.fileDescriptorProto ?? []), {
    enums: String,
    longs: Number,
  });
  const client = clientOf(definition, service);
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const unary = (client as unknown as Record<string, Unary>)[method];
  unary?.call(client, request, new Metadata(), { deadline: Date.now() + 10_000 }, (error, reply) => {
    client.close();
    if (error === null) resolve(reply);
    else reject(error);
  });
  return promise;
}

/** Members may be named as in the proto. */
function camelCased(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const renamed = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [renamed(name), member]));
}

const [service = "", method = ""] = what.split("/");
const { listServicesResponse: list } = what === "list" ? await reflect({ listServices: "" }) : {};
const reply =
  list?.service.map(({ name }) => name).join("\n") ??
  JSON.stringify(await call(service, method, JSON.parse(values.d ?? "{}", camelCased) as object), null, 2);
process.stdout.write(`${reply}\n`);
