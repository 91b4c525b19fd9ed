/** The descriptor set that gRPC reflection serves: made by protoc, with comments, under the files' canonical names. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Directories as protoc sees them. `seen=there` gives a directory another name: the package of gRPC health leaves out `grpc/`. */
const includes = [
  "proto",
  "grpc/health/v1=node_modules/grpc-health-check/proto/health/v1",
  "node_modules/@grpc/reflection/build/proto",
];

const files = [
  "plexus/v1/cni.proto",
  "plexus/v1/inspector.proto",
  "grpc/health/v1/health.proto",
  "grpc/reflection/v1/reflection.proto",
  "grpc/reflection/v1alpha/reflection.proto",
];

/** Writes a google.protobuf.FileDescriptorSet with every file above and every file that they import. */
export async function describeProtos(root: string, out: string): Promise<void> {
  const options = ["--include_imports", "--include_source_info", `--descriptor_set_out=${out}`];
  const paths = includes.map((path) => `--proto_path=${path}`);
  await promisify(execFile)("protoc", [...paths, ...options, ...files], { cwd: root });
}
