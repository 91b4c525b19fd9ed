import { ByteWriter } from "./bytes.ts";

/**
 * The Huffman code of HPACK (RFC 7541, appendix B), decoding only.
 *
 * The code is canonical: of two symbols the one with the shorter code, or else the smaller number, has the smaller code.
 * So the lengths say everything. Here is one letter per symbol, 0 to 256; "A" is 0 bits, "B" is 1 and so on.
 */
const CODE_LENGTHS =
  "NX]]]]]]]Y_]]_]]]]]]]]_]]]]]]]]]" + // control characters
  "GKKMNGILKKILIGGGFFFGGGGGGGHIPGMK" + // space to ?
  "NGHHHHHHHHHHHHHHHHHHHHHHIHINTNOG" + // @ to _
  "PFGFGFGGGFHHGGGFGHGFFGHHHHHPLON]" + // ` to DEL
  "UWUUWWWXWXXXXXYXYYWXYXXXXVWXWXXY" + // bytes from 128 on
  "WVUWWXXVXWWYVWXXVVWVXWXXUWWWXWWX" +
  "[[UTWXWZ[[[\\\\[YZTV[\\\\[\\YVV[[]\\\\\\UY" +
  "UVWVVXWWZZYY[X[\\[[\\\\\\\\\\]\\\\\\\\\\[" +
  "_"; // end of string

const SYMBOLS = 257;
const END_OF_STRING = 256;
const MAX_BITS = 30;

interface Codes {
  /** Per length: the first code of that length, how many there are, and where their symbols begin in `symbols`. */
  readonly first: readonly number[];
  readonly count: readonly number[];
  readonly start: readonly number[];
  /** All symbols in the order of their codes. */
  readonly symbols: readonly number[];
}

// Built when first needed: a daemon that answers with plain strings costs nothing.
let codes: Codes | null = null;

/** The decoded string, or null when it is not a Huffman code of anything. */
export function huffmanDecode(encoded: Uint8Array): Uint8Array | null {
  codes ??= buildCodes();
  const table = codes;
  const decoded = new ByteWriter(encoded.length * 2 + 1);
  let code = 0;
  let bits = 0;
  let onlyOnes = true;
  for (const byte of encoded) {
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >> shift) & 1;
      code = code * 2 + bit;
      bits += 1;
      onlyOnes = onlyOnes && bit === 1;
      if (bits > MAX_BITS) return null;
      const index = code - (table.first[bits] ?? 0);
      if (index < 0 || index >= (table.count[bits] ?? 0)) continue;
      const symbol = table.symbols[(table.start[bits] ?? 0) + index] ?? END_OF_STRING;
      if (symbol === END_OF_STRING) return null;
      decoded.u8(symbol);
      code = 0;
      bits = 0;
      onlyOnes = true;
    }
  }
  // What fills up the last byte must be the beginning of the end-of-string code, which is all ones.
  return bits > 7 || !onlyOnes ? null : decoded.view();
}

/** Sorts the symbols by code length, counting first. */
function buildCodes(): Codes {
  const count = zeroes(MAX_BITS + 1);
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const length = codeLength(symbol);
    count[length] = (count[length] ?? 0) + 1;
  }
  const first: number[] = [];
  const start: number[] = [];
  const next: number[] = [];
  let code = 0;
  let index = 0;
  for (let length = 0; length <= MAX_BITS; length++) {
    code *= 2;
    first.push(code);
    start.push(index);
    next.push(index);
    code += count[length] ?? 0;
    index += count[length] ?? 0;
  }
  const symbols = zeroes(SYMBOLS);
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const length = codeLength(symbol);
    const place = next[length] ?? 0;
    symbols[place] = symbol;
    next[length] = place + 1;
  }
  return { first, count, start, symbols };
}

function codeLength(symbol: number): number {
  return CODE_LENGTHS.charCodeAt(symbol) - "A".charCodeAt(0);
}

function zeroes(count: number): number[] {
  const list: number[] = [];
  for (let i = 0; i < count; i++) list.push(0);
  return list;
}
