import { ReflectionService } from "@grpc/reflection";
import { FieldReader, LENGTH_DELIMITED } from "../../../shim/core/protobuf.ts";

/**
 * gRPC reflection that publishes the files as protoc described them, for grpcurl. `@grpc/proto-loader` would describe
 * them anew: one file per package, fields in camelCase, no comments.
 * @param descriptorSet a google.protobuf.FileDescriptorSet
 * @param services the full names of those that the socket serves, for the list
 */
export function reflectionOf(descriptorSet: Uint8Array, services: string[]): ReflectionService {
  // ReflectionService reads nothing of a definition but the files.
  const files = { format: "Protocol Buffer 3 EnumDescriptorProto", type: {} } as const;
  return new ReflectionService({ files: { ...files, fileDescriptorProtos: filesIn(descriptorSet) } }, { services });
}

/** A FileDescriptorSet has one field, the repeated `file`. */
function filesIn(descriptorSet: Uint8Array): Buffer[] {
  const fields = new FieldReader(descriptorSet);
  const files: Buffer[] = [];
  while (fields.next()) if (fields.is(1, LENGTH_DELIMITED)) files.push(Buffer.from(fields.bytes));
  return files;
}
