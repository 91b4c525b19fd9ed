import { ByteReader } from "../../../shim/core/bytes.ts";
import { readInteger, readString } from "../../../shim/core/hpack.ts";
import { STATIC_TABLE } from "./static-table.ts";

export type Header = readonly [name: string, value: string];

/** What HTTP/2 grants a peer that was told nothing else. */
const LARGEST_TABLE_BYTES = 4096;
/** RFC 7541 §4.1: what an entry counts beside its text. */
const ENTRY_BYTES = 32;
/** Of one block, counted like table entries: a small block can repeat a large entry many times. */
const LARGEST_LIST_BYTES = 64 * 1024;

/** Reads the header blocks of one connection (RFC 7541), in their order. */
export class HeaderDecoder {
  /** The newest entry first. */
  private readonly table: Header[] = [];
  private tableBytes = 0;
  private tableLimit = LARGEST_TABLE_BYTES;

  /** The headers of a block in their order; null when it is malformed or too large. Then the connection cannot go on. */
  decode(block: Uint8Array): readonly Header[] | null {
    const reader = new ByteReader(block);
    const headers: Header[] = [];
    let bytes = 0;
    this.readSizeUpdates(reader);
    while (reader.remaining > 0) {
      const header = this.readHeader(reader);
      bytes += sizeOf(header);
      if (reader.failed || bytes > LARGEST_LIST_BYTES) return null;
      headers.push(header);
    }
    return reader.failed ? null : headers;
  }

  /** RFC 7541 §6.3: only at the beginning of a block. */
  private readSizeUpdates(reader: ByteReader): void {
    while (reader.remaining > 0 && (reader.peek() & 0xe0) === 0x20) {
      const limit = readInteger(reader, 5);
      if (limit > LARGEST_TABLE_BYTES) reader.failed = true;
      this.tableLimit = Math.min(limit, LARGEST_TABLE_BYTES);
      this.evict();
    }
  }

  private readHeader(reader: ByteReader): Header {
    const first = reader.peek();
    if ((first & 0x80) !== 0) return this.entry(reader, readInteger(reader, 7));
    if ((first & 0xe0) === 0x20) reader.failed = true;
    const isIndexed = (first & 0x40) !== 0;
    const index = readInteger(reader, isIndexed ? 6 : 4);
    const name = index === 0 ? readString(reader) : this.entry(reader, index)[0];
    const header: Header = [name, readString(reader)];
    if (isIndexed && !reader.failed) this.insert(header);
    return header;
  }

  private entry(reader: ByteReader, index: number): Header {
    const found = index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : this.table[index - STATIC_TABLE.length - 1];
    if (found !== undefined) return found;
    reader.failed = true;
    return ["", ""];
  }

  /** An entry larger than the table empties it. */
  private insert(header: Header): void {
    this.table.unshift(header);
    this.tableBytes += sizeOf(header);
    this.evict();
  }

  private evict(): void {
    while (this.tableBytes > this.tableLimit) {
      const oldest = this.table.pop();
      this.tableBytes -= oldest === undefined ? this.tableBytes : sizeOf(oldest);
    }
  }
}

/** In characters: for what gRPC clients send, bytes. */
function sizeOf([name, value]: Header): number {
  return name.length + value.length + ENTRY_BYTES;
}
