/** The binary form of protobuf: fields, varints, length-delimited values. The shim and the daemon's server read and write with it. */
import { ByteReader, type ByteWriter } from "./bytes.ts";

export const VARINT = 0;
const FIXED_64 = 1;
export const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;
const MAX_VARINT_BYTES = 10;
const NONE = new Uint8Array(0);

/** Steps over the fields of a message, known and unknown ones. */
export class FieldReader {
  /** The value of a VARINT field, as uint32. */
  number = 0;
  /** The value of a LENGTH_DELIMITED field. */
  bytes: Uint8Array = NONE;
  malformed = false;
  private readonly reader: ByteReader;
  /** Of the field that next() stepped to. */
  field = 0;
  wireType = 0;

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
export function writeField(out: ByteWriter, field: number, value: Uint8Array): void {
  if (value.length === 0) return;
  out.u8(field * 8 + LENGTH_DELIMITED);
  writeVarint(out, value.length);
  out.bytes(value);
}

/** @param value from 0 to 2^31 - 1 */
export function writeVarint(out: ByteWriter, value: number): void {
  let rest = value;
  for (; rest >= 128; rest = rest >>> 7) out.u8(0x80 | (rest & 0x7f));
  out.u8(rest);
}
