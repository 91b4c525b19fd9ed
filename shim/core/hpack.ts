import { ByteReader, type ByteWriter } from "./bytes.ts";
import { huffmanDecode } from "./huffman.ts";
import { fromUtf8 } from "./utf8.ts";

/**
 * The part of HPACK (RFC 7541) that a client needs which sends one request and announces a dynamic table of size 0:
 * it writes plain literals, and no header it receives can refer to an earlier one. The daemon's server, which grants clients a
 * dynamic table, reads integers and strings with it.
 */

/** The headers of a response that say how a gRPC call went; "" for one that is not there. */
export interface ResponseHeaders {
  readonly httpStatus: string;
  readonly grpcStatus: string;
  readonly grpcMessage: string;
  readonly grpcEncoding: string;
}

/** Appends one header, spelled out. Name and value are ASCII. */
export function writeHeader(out: ByteWriter, name: string, value: string): void {
  out.u8(0);
  writeInteger(out, 7, name.length);
  out.ascii(name);
  writeInteger(out, 7, value.length);
  out.ascii(value);
}

/** Reads a header block; null when it is malformed. */
export function readResponseHeaders(block: Uint8Array): ResponseHeaders | null {
  const reader = new ByteReader(block);
  let httpStatus = "";
  let grpcStatus = "";
  let grpcMessage = "";
  let grpcEncoding = "";
  skipTableSizeUpdates(reader);
  while (reader.remaining > 0 && !reader.failed) {
    const header = readHeader(reader);
    if (header.name === ":status") httpStatus = header.value;
    else if (header.name === "grpc-status") grpcStatus = header.value;
    else if (header.name === "grpc-message") grpcMessage = header.value;
    else if (header.name === "grpc-encoding") grpcEncoding = header.value;
  }
  return reader.failed ? null : { httpStatus, grpcStatus, grpcMessage, grpcEncoding };
}

interface Header {
  /** "" for a name that nobody here looks for. */
  readonly name: string;
  readonly value: string;
}

/** RFC 7541 §6.3. Only at the beginning of a block, and only to 0, which is what was announced. */
function skipTableSizeUpdates(reader: ByteReader): void {
  while ((reader.peek() & 0xe0) === 0x20) {
    if (readInteger(reader, 5) !== 0) reader.failed = true;
  }
}

function readHeader(reader: ByteReader): Header {
  const first = reader.peek();
  if ((first & 0x80) !== 0) {
    const index = readInteger(reader, 7);
    return { name: staticName(reader, index), value: staticStatus(index) };
  }
  if ((first & 0xe0) === 0x20) reader.failed = true;
  const index = readInteger(reader, (first & 0x40) !== 0 ? 6 : 4);
  const name = index === 0 ? readString(reader) : staticName(reader, index);
  if (isWanted(name)) return { name, value: readString(reader) };
  skipString(reader);
  return { name: "", value: "" };
}

function isWanted(name: string): boolean {
  return name === ":status" || name.startsWith("grpc-");
}

const FIRST_STATUS = 8;
const STATUSES: readonly string[] = ["200", "204", "206", "304", "400", "404", "500"];
const STATIC_ENTRIES = 61;

/** The name at an index of the static table, of which only ":status" matters. Any other index has nothing behind it. */
function staticName(reader: ByteReader, index: number): string {
  if (index < 1 || index > STATIC_ENTRIES) reader.failed = true;
  return staticStatus(index) === "" ? "" : ":status";
}

function staticStatus(index: number): string {
  return index < FIRST_STATUS ? "" : (STATUSES[index - FIRST_STATUS] ?? "");
}

/** A string, Huffman-coded or plain; "" and `reader.failed` when it is malformed. */
export function readString(reader: ByteReader): string {
  const huffman = (reader.peek() & 0x80) !== 0;
  const raw = reader.take(readInteger(reader, 7));
  const plain = huffman ? huffmanDecode(raw) : raw;
  if (plain !== null) return fromUtf8(plain);
  reader.failed = true;
  return "";
}

function skipString(reader: ByteReader): void {
  reader.take(readInteger(reader, 7));
}

const MAX_INTEGER = 0x7fffffff;

/** RFC 7541 §5.1, in the low `prefix` bits of the next byte and those that follow. */
export function readInteger(reader: ByteReader, prefix: number): number {
  const full = (1 << prefix) - 1;
  let value = reader.u8() & full;
  if (value < full) return value;
  for (let factor = 1; value <= MAX_INTEGER && !reader.failed; factor *= 128) {
    const byte = reader.u8();
    value += (byte & 0x7f) * factor;
    if (byte < 128) return value;
  }
  reader.failed = true;
  return 0;
}

function writeInteger(out: ByteWriter, prefix: number, value: number): void {
  const full = (1 << prefix) - 1;
  if (value < full) return out.u8(value);
  out.u8(full);
  let rest = value - full;
  for (; rest >= 128; rest = rest >>> 7) out.u8(0x80 | (rest & 0x7f));
  out.u8(rest);
}
