/**
 * Reading and writing bytes without ever leaving the array.
 *
 * In the compiled program, reading a typed array out of bounds ends the process (see ../README.md). So nothing in the core indexes
 * bytes that came from outside except through byteAt() and ByteReader.
 */

/** The byte at `index`, or -1 when there is none. */
export function byteAt(bytes: Uint8Array, index: number): number {
  return index >= 0 && index < bytes.length ? (bytes[index] ?? -1) : -1;
}

/** The big-endian unsigned 32-bit number at `index`; 0 when there are no four bytes. */
export function u32At(bytes: Uint8Array, index: number): number {
  if (index < 0 || index + 4 > bytes.length) return 0;
  let value = 0;
  for (let i = index; i < index + 4; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}

/** A buffer that grows as it is written to. */
export class ByteWriter {
  private buffer: Uint8Array;
  private used = 0;

  /** @param capacity Bytes to set aside at first; at least 1. */
  constructor(capacity: number) {
    this.buffer = new Uint8Array(capacity);
  }

  get length(): number {
    return this.used;
  }

  u8(value: number): void {
    this.makeRoom(1);
    this.buffer[this.used] = value & 0xff;
    this.used += 1;
  }

  u24(value: number): void {
    this.u8(value >>> 16);
    this.u8(value >>> 8);
    this.u8(value);
  }

  u32(value: number): void {
    this.u8(value >>> 24);
    this.u24(value);
  }

  bytes(bytes: Uint8Array): void {
    this.makeRoom(bytes.length);
    this.buffer.set(bytes, this.used);
    this.used += bytes.length;
  }

  /** Text of which every character is ASCII. */
  ascii(text: string): void {
    for (let i = 0; i < text.length; i++) this.u8(text.charCodeAt(i));
  }

  /** What has been written: a view, valid until the next write. */
  view(): Uint8Array {
    return this.buffer.subarray(0, this.used);
  }

  /** Forgets the first `count` bytes, which must have been written. */
  dropFirst(count: number): void {
    this.buffer.set(this.buffer.subarray(count, this.used), 0);
    this.used -= count;
  }

  clear(): void {
    this.used = 0;
  }

  private makeRoom(extra: number): void {
    const needed = this.used + extra;
    if (needed <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    grown.set(this.view(), 0);
    this.buffer = grown;
  }
}

/**
 * Reads a byte string from front to back. Reading past the end yields zeroes or nothing and sets `failed`,
 * so a parser may read on and look once, at the end.
 */
export class ByteReader {
  failed = false;
  private readonly source: Uint8Array;
  private position = 0;

  constructor(source: Uint8Array) {
    this.source = source;
  }

  get remaining(): number {
    return this.source.length - this.position;
  }

  /** The next byte without consuming it, or -1 at the end. */
  peek(): number {
    return byteAt(this.source, this.position);
  }

  u8(): number {
    const value = this.peek();
    if (value < 0) {
      this.failed = true;
      return 0;
    }
    this.position += 1;
    return value;
  }

  /** The next `count` bytes, as a view. */
  take(count: number): Uint8Array {
    if (count > this.remaining) {
      this.failed = true;
      return this.source.subarray(0, 0);
    }
    const start = this.position;
    this.position += count;
    return this.source.subarray(start, this.position);
  }
}
