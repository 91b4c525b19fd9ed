/** Messages between JSON and protobuf's binary form, by nothing but their descriptors, named as grpcurl names their fields. */
import { type DescribedFile, type Field, read } from "./descriptors.ts";

const FieldType = { int64: 3, uint64: 4, int32: 5, bool: 8, message: 11, bytes: 12, uint32: 13, enum: 14 } as const;
const VARINTS: readonly number[] = [
  FieldType.int64,
  FieldType.uint64,
  FieldType.int32,
  FieldType.bool,
  FieldType.uint32,
];

type Members = Readonly<Record<string, unknown>>;

export interface JsonForm {
  /** Members may be named as in the proto file or in camelCase. An unknown one is an error. */
  encode(type: string, members: Members): Buffer;
  /** 64-bit numbers are strings, a Timestamp is a date, what is not set is left out. */
  decode(type: string, bytes: Buffer): Members;
}

export function jsonForm(files: readonly DescribedFile[]): JsonForm {
  const fieldsOf = (type: string): readonly Field[] => {
    const fields = files.map(({ messages }) => messages.get(type)).find((found) => found !== undefined);
    if (fields === undefined) throw new Error(`the server describes no message ${type}`);
    return fields;
  };

  function encode(type: string, members: Members): Buffer {
    const parts = Object.entries(members).map(([name, value]) => {
      const field = fieldsOf(type).find(({ name: inProto, jsonName }) => name === inProto || name === jsonName);
      if (field === undefined) throw new Error(`message type ${type.slice(1)} has no known field named ${name}`);
      if (VARINTS.includes(field.type)) return Buffer.from([...varint(field.number * 8), ...varint(Number(value))]);
      const bytes = Buffer.from(String(value), field.type === FieldType.bytes ? "base64" : "utf8");
      return Buffer.concat([Buffer.from([...varint(field.number * 8 + 2), ...varint(bytes.length)]), bytes]);
    });
    return Buffer.concat(parts);
  }

  function decode(type: string, bytes: Buffer): Members {
    const members: Record<string, unknown> = {};
    for (const { field: number, value } of read(bytes)) {
      const field = fieldsOf(type).find((one) => one.number === number);
      if (field === undefined) throw new Error(`${type} has no field ${number}`);
      const { jsonName, repeated } = field;
      const before = (members[jsonName] ?? []) as readonly unknown[];
      members[jsonName] = repeated ? [...before, valueOf(field, value)] : valueOf(field, value);
    }
    return members;
  }

  function valueOf({ type, typeName }: Field, value: bigint | Buffer): unknown {
    if (type === FieldType.message) {
      const message = decode(typeName, value as Buffer);
      return typeName === ".google.protobuf.Timestamp" ? dateOf(message) : message;
    }
    if (type === FieldType.enum)
      return files.map(({ enums }) => enums.get(typeName)?.get(value as bigint)).find(Boolean);
    if (type === FieldType.bytes) return (value as Buffer).toString("base64");
    if (type === FieldType.bool) return value === 1n;
    return type === FieldType.int64 || type === FieldType.uint64 || value instanceof Buffer
      ? value.toString()
      : Number(value);
  }

  return { encode, decode };
}

function dateOf({ seconds = "0", nanos = 0 }: Members): string {
  return new Date(Number(seconds) * 1000 + Number(nanos) / 1_000_000).toISOString();
}

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 128))];
}
