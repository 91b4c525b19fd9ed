/** Reads protobuf descriptors byte by byte, with none of the libraries that the daemon describes its services with. */

/** One field as it was sent: a number, or the bytes of a length-delimited one. */
interface Sent {
  readonly field: number;
  readonly value: bigint | Buffer;
}

export interface Field {
  readonly name: string;
  readonly jsonName: string;
  readonly number: number;
  /** google.protobuf.FieldDescriptorProto.Type. */
  readonly type: number;
  readonly typeName: string;
  readonly repeated: boolean;
}

export interface Method {
  readonly name: string;
  readonly input: string;
  readonly output: string;
}

export interface DescribedFile {
  readonly name: string;
  /** By full name, with the leading dot of a type reference. */
  readonly messages: ReadonlyMap<string, readonly Field[]>;
  readonly enums: ReadonlyMap<string, ReadonlyMap<bigint, string>>;
  readonly services: ReadonlyMap<string, readonly Method[]>;
  /** What has no comment before it, by its path: `6,0,2,1` is method 1 of service 0. */
  readonly uncommented: readonly string[];
}

/** Fields of google.protobuf.FileDescriptorProto. */
const MESSAGES = 4;
const ENUMS = 5;
const SERVICES = 6;
const SOURCE_CODE_INFO = 9;

export function describedFile(bytes: Buffer): DescribedFile {
  const file = read(bytes);
  const scope = `.${text(file, 2)}`;
  const named = <T>(number: number, of: (sent: readonly Sent[]) => T): Map<string, T> =>
    new Map(all(file, number).map((sent) => [`${scope}.${text(sent, 1)}`, of(sent)]));
  const locations = all(file, SOURCE_CODE_INFO).flatMap((info) => all(info, 1));
  const commented = new Set(locations.filter((one) => text(one, 3) !== "").map((one) => packed(one, 1).join()));
  return {
    name: text(file, 1),
    messages: named(MESSAGES, (message) => all(message, 2).map(describedField)),
    enums: named(ENUMS, (values) => new Map(all(values, 2).map((value) => [number(value, 2), text(value, 1)]))),
    services: named(SERVICES, (service) => all(service, 2).map(describedMethod)),
    uncommented: declaredIn(file).filter((path) => !commented.has(path)),
  };
}

/** The path of every message, field, enum, enum value, service and method; each kind has its members in field 2. */
function declaredIn(file: readonly Sent[]): readonly string[] {
  return [MESSAGES, ENUMS, SERVICES].flatMap((kind) =>
    all(file, kind).flatMap((one, index) => [
      `${kind},${index}`,
      ...all(one, 2).map((_, member) => `${kind},${index},2,${member}`),
    ]),
  );
}

function describedField(field: readonly Sent[]): Field {
  return {
    name: text(field, 1),
    jsonName: text(field, 10),
    number: Number(number(field, 3)),
    type: Number(number(field, 5)),
    typeName: text(field, 6),
    repeated: number(field, 4) === 3n,
  };
}

function describedMethod(method: readonly Sent[]): Method {
  return { name: text(method, 1), input: text(method, 2), output: text(method, 3) };
}

/** The fields of a message in the order in which they were sent. */
export function read(bytes: Buffer): readonly Sent[] {
  const sent: Sent[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(bytes.readUInt8(at++));
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return BigInt.asUintN(64, value);
    }
  };
  const delimited = (): Buffer => {
    const length = Number(varint());
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = Number(varint());
    sent.push({ field: key >> 3, value: (key & 7) === 0 ? varint() : delimited() });
  }
  return sent;
}

function all(sent: readonly Sent[], field: number): readonly (readonly Sent[])[] {
  return sent.filter((one) => one.field === field).map(({ value }) => read(value as Buffer));
}

function text(sent: readonly Sent[], field: number): string {
  return sent.findLast((one) => one.field === field)?.value.toString() ?? "";
}

function number(sent: readonly Sent[], field: number): bigint {
  return (sent.findLast((one) => one.field === field)?.value as bigint | undefined) ?? 0n;
}

function packed(sent: readonly Sent[], field: number): readonly number[] {
  const bytes = sent.find((one) => one.field === field)?.value as Buffer | undefined;
  return [...(bytes ?? [])];
}
