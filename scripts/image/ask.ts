/** Asks the daemon of this host one question without parameters over gRPC: `node ask.ts PACKAGE.SERVICE/METHOD`. */
import { join } from "node:path";
import { credentials, type GrpcObject, loadPackageDefinition, type ServiceClientConstructor } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const root = join(import.meta.dirname, "../..");
const [service = "", method = ""] = (process.argv[2] ?? "").split("/");

const definition = loadSync(["plexus/v1/inspector.proto", "health/v1/health.proto"], {
  includeDirs: [join(root, "proto"), join(root, "node_modules/grpc-health-check/proto")],
  longs: Number,
  enums: String,
});
const Client = service
  .split(".")
  .reduce<unknown>(
    (level, name) => (level as GrpcObject)[name],
    loadPackageDefinition(definition),
  ) as ServiceClientConstructor;
const client = new Client("unix:/run/plexus/plexus-operator.sock", credentials.createInsecure());
client.makeUnaryRequest(
  `/${service}/${method}`,
  () => Buffer.alloc(0),
  Client.service[method]?.responseDeserialize as (bytes: Buffer) => unknown,
  {},
  { deadline: Date.now() + 5_000 },
  (error, reply) => {
    if (error) {
      console.error(error.message);
      process.exit(1);
    }
    console.log(JSON.stringify(reply, undefined, 2));
    client.close();
  },
);
