import { ByteReader, ByteWriter } from "./bytes.ts";
import type { CniEnvironment } from "./cni-environment.ts";
import { CniCode, type CniError } from "./cni-error.ts";
import { fromUtf8, toUtf8 } from "./utf8.ts";

/** CniRequest and CniReply of proto/plexus/v1/cni.proto, in protobuf's binary form. */

export type CniReply =
  | { readonly kind: "result"; readonly result: Uint8Array }
  | { readonly kind: "error"; readonly error: CniError }
  /** Neither of them is set. */
  | { readonly kind: "empty" }
  /** The bytes are no CniReply. */
  | { readonly kind: "malformed" };

export function encodeRequest(environment: CniEnvironment, config: Uint8Array, requestId: string): Uint8Array {
  const out = new ByteWriter(config.length + 1024);
  writeField(out, 1, toUtf8(environment.containerId));
  writeField(out, 2, toUtf8(environment.netns));
  writeField(out, 3, toUtf8(environment.ifname));
  writeField(out, 4, toUtf8(environment.args));
  writeField(out, 5, toUtf8(environment.path));
  writeField(out, 6, config);
  writeField(out, 7, toUtf8(environment.netnsOverride));
  writeField(out, 8, toUtf8(requestId));
  return out.view();
}

export function decodeReply(message: Uint8Array): CniReply {
  const fields = new FieldReader(message);
  let reply: CniReply = { kind: "empty" };
  while (fields.next()) {
    if (fields.is(1, LENGTH_DELIMITED)) reply = { kind: "result", result: fields.bytes };
    else if (fields.is(2, LENGTH_DELIMITED)) reply = decodeError(fields.bytes);
  }
  return fields.malformed ? { kind: "malformed" } : reply;
}

function decodeError(message: Uint8Array): CniReply {
  const fields = new FieldReader(message);
  let code = 0;
  let msg = "";
  let details = "";
  while (fields.next()) {
    if (fields.is(1, VARINT)) code = fields.number;
    else if (fields.is(2, LENGTH_DELIMITED)) msg = fromUtf8(fields.bytes);
    else if (fields.is(3, LENGTH_DELIMITED)) details = fromUtf8(fields.bytes);
  }
  if (fields.malformed) return { kind: "malformed" };
  // 0 is no CNI error code; it must not look like one of the runtime's own.
  return { kind: "error", error: { code: code === 0 ? CniCode.internal : code, msg, details } };
}

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;
const MAX_VARINT_BYTES = 10;
const NONE = new Uint8Array(0);

/** Steps over the fields of a message, known and unknown ones. */
class FieldReader {
  /** The value of a VARINT field, as uint32. */
  number = 0;
  /** The value of a LENGTH_DELIMITED field. */
  bytes: Uint8Array = NONE;
  malformed = false;
  private readonly reader: ByteReader;
  private field = 0;
  private wireType = 0;

  constructor(message: Uint8Array) {
    this.reader = new ByteReader(message);
  }

  is(field: number, wireType: number): boolean {
    return this.field === field && this.wireType === wireType;
  }

  next(): boolean {
    if (this.malformed || this.reader.remaining === 0) return false;
    const key = readVarint(this.reader);
    this.field = Math.floor(key / 8);
    this.wireType = key % 8;
    this.readValue();
    this.malformed = this.malformed || this.reader.failed || this.field === 0;
    return !this.malformed;
  }

  private readValue(): void {
    switch (this.wireType) {
      case VARINT:
        this.number = readVarint(this.reader) >>> 0;
        break;
      case LENGTH_DELIMITED:
        this.bytes = this.reader.take(readVarint(this.reader));
        break;
      case FIXED_64:
        this.reader.take(8);
        break;
      case FIXED_32:
        this.reader.take(4);
        break;
      default:
        this.malformed = true;
    }
  }
}

/** A varint. Above 2^53 it is not exact, which no length or code here ever is. */
function readVarint(reader: ByteReader): number {
  let value = 0;
  let factor = 1;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = reader.u8();
    value += (byte & 0x7f) * factor;
    if (byte < 128) return value;
    factor *= 128;
  }
  reader.failed = true;
  return 0;
}

/** A length-delimited field; an empty one is left out, as proto3 does. */
function writeField(out: ByteWriter, field: number, value: Uint8Array): void {
  if (value.length === 0) return;
  out.u8(field * 8 + LENGTH_DELIMITED);
  let rest = value.length;
  for (; rest >= 128; rest = rest >>> 7) out.u8(0x80 | (rest & 0x7f));
  out.u8(rest);
  out.bytes(value);
}
