import { byteAt } from "./bytes.ts";
import { fromUtf8 } from "./utf8.ts";

/**
 * Checks that bytes are JSON, exactly as strictly as JSON.parse, and finds the members of a top-level object. Values stay where
 * they are: the daemon gets the text byte for byte. Goes through the text once, without recursion, so that no input can
 * exhaust the stack.
 */

export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

/** A member of the top-level object. `start` and `end` delimit its value in the text. */
export interface JsonMember {
  readonly key: string;
  readonly kind: JsonKind;
  readonly start: number;
  readonly end: number;
}

export type JsonScan =
  | { readonly kind: "json"; readonly root: JsonKind; readonly members: readonly JsonMember[] }
  | { readonly kind: "invalid"; readonly reason: string };

/** How many arrays and objects may be inside one another. */
export const MAX_DEPTH = 1000;

export function scanJson(text: Uint8Array): JsonScan {
  return new JsonScanner(text).scan();
}

/** The string that a valid JSON string literal at [start, end) stands for. */
export function jsonStringAt(text: Uint8Array, start: number, end: number): string {
  let result = "";
  let plainFrom = start + 1;
  for (let at = plainFrom; at < end - 1;) {
    if (byteAt(text, at) !== BACKSLASH) {
      at += 1;
      continue;
    }
    result += fromUtf8(text.subarray(plainFrom, at));
    const escape = escapeAt(text, at);
    result += escape.text;
    at += escape.length;
    plainFrom = at;
  }
  return result + fromUtf8(text.subarray(plainFrom, end - 1));
}

class JsonScanner {
  private readonly text: Uint8Array;
  private at = 0;
  private problem = "";
  private depth = 0;
  /** Per depth: 1 in an object, 0 in an array. */
  private readonly isObject = new Uint8Array(MAX_DEPTH);
  private root: JsonKind = "null";
  private readonly members: JsonMember[] = [];
  // The member of the top-level object that is being read.
  private memberKey = "";
  private memberKind: JsonKind = "null";
  private memberStart = 0;

  constructor(text: Uint8Array) {
    this.text = text;
  }

  scan(): JsonScan {
    let valueFollows = true;
    do {
      valueFollows = valueFollows ? this.beginValue() : this.continueContainer();
    } while (this.problem === "" && (valueFollows || this.depth > 0));
    this.skipBlank();
    if (this.problem === "" && this.at < this.text.length) this.fail();
    if (this.problem !== "") return { kind: "invalid", reason: this.problem };
    return { kind: "json", root: this.root, members: this.members };
  }

  /** Reads a scalar or an empty container, or enters one that is not empty; true when a value follows in it. */
  private beginValue(): boolean {
    this.skipBlank();
    const start = this.at;
    const kind = this.kindHere();
    if (this.depth === 0) this.root = kind;
    if (this.depth === 1) {
      this.memberKind = kind;
      this.memberStart = start;
    }
    if (kind === "object" || kind === "array") return this.enterContainer(kind === "object");
    this.scalar(kind);
    this.endValue();
    return false;
  }

  private enterContainer(object: boolean): boolean {
    if (this.depth === MAX_DEPTH) {
      this.problem = `nested deeper than ${MAX_DEPTH} levels`;
      return false;
    }
    this.at += 1;
    this.isObject[this.depth] = object ? 1 : 0;
    this.depth += 1;
    this.skipBlank();
    if (this.accept(object ? CLOSE_BRACE : CLOSE_BRACKET)) {
      this.leaveContainer();
      return false;
    }
    if (object) this.key();
    return true;
  }

  /** Reads what stands between two values of a container or behind the last one; true when a value follows. */
  private continueContainer(): boolean {
    this.skipBlank();
    const object = this.isObject[this.depth - 1] === 1;
    if (this.accept(COMMA)) {
      this.skipBlank();
      if (object) this.key();
      return true;
    }
    if (this.accept(object ? CLOSE_BRACE : CLOSE_BRACKET)) this.leaveContainer();
    else this.fail();
    return false;
  }

  private leaveContainer(): void {
    this.depth -= 1;
    this.endValue();
  }

  private endValue(): void {
    if (this.depth !== 1 || this.root !== "object") return;
    this.members.push({ key: this.memberKey, kind: this.memberKind, start: this.memberStart, end: this.at });
  }

  private key(): void {
    const start = this.at;
    this.string();
    if (this.problem === "" && this.depth === 1) this.memberKey = jsonStringAt(this.text, start, this.at);
    this.skipBlank();
    this.expect(COLON);
  }

  /** The kind of value that its first byte announces. */
  private kindHere(): JsonKind {
    switch (this.here()) {
      case OPEN_BRACE:
        return "object";
      case OPEN_BRACKET:
        return "array";
      case QUOTE:
        return "string";
      case LOWER_T:
      case LOWER_F:
        return "boolean";
      case LOWER_N:
        return "null";
      default:
        return "number";
    }
  }

  private scalar(kind: JsonKind): void {
    switch (kind) {
      case "string":
        return this.string();
      case "boolean":
        return this.literal(this.here() === LOWER_T ? "true" : "false");
      case "null":
        return this.literal("null");
      default:
        return this.number();
    }
  }

  private literal(word: string): void {
    for (let i = 0; i < word.length; i++) this.expect(word.charCodeAt(i));
  }

  private number(): void {
    this.accept(MINUS);
    if (!this.accept(ZERO)) this.digits();
    if (this.accept(DOT)) this.digits();
    if (this.accept(LOWER_E) || this.accept(UPPER_E)) {
      if (!this.accept(PLUS)) this.accept(MINUS);
      this.digits();
    }
  }

  private digits(): void {
    if (!isDigit(this.here())) this.fail();
    while (isDigit(this.here())) this.at += 1;
  }

  private string(): void {
    this.expect(QUOTE);
    while (this.problem === "") {
      if (this.accept(QUOTE)) return;
      if (this.accept(BACKSLASH)) this.escape();
      else if (this.here() >= SPACE) this.at += 1;
      else this.fail();
    }
  }

  private escape(): void {
    if (this.accept(LOWER_U)) {
      for (let i = 0; i < 4; i++) {
        if (hexDigit(this.here()) < 0) return this.fail();
        this.at += 1;
      }
      return;
    }
    if (shortEscape(this.here()) === "") this.fail();
    else this.at += 1;
  }

  private here(): number {
    return byteAt(this.text, this.at);
  }

  private accept(byte: number): boolean {
    if (this.problem !== "" || this.here() !== byte) return false;
    this.at += 1;
    return true;
  }

  private expect(byte: number): void {
    if (!this.accept(byte)) this.fail();
  }

  private skipBlank(): void {
    while (isBlank(this.here())) this.at += 1;
  }

  /** Keeps the first problem. Says where, never what: the text may hold secrets. */
  private fail(): void {
    if (this.problem !== "") return;
    this.problem = this.at >= this.text.length ? "unexpected end of JSON input" : `invalid JSON at byte ${this.at + 1}`;
  }
}

interface Escape {
  readonly text: string;
  /** Bytes it takes in the source. */
  readonly length: number;
}

/** The escape sequence, known to be valid, that begins with the backslash at `at`. Two that form a surrogate pair are one. */
function escapeAt(text: Uint8Array, at: number): Escape {
  const letter = byteAt(text, at + 1);
  if (letter !== LOWER_U) return { text: shortEscape(letter), length: 2 };
  const unit = codeUnitAt(text, at);
  if (unit < 0xd800 || unit > 0xdbff) return { text: String.fromCharCode(unit), length: 6 };
  const next = codeUnitAt(text, at + 6);
  if (next < 0xdc00 || next > 0xdfff) return { text: String.fromCharCode(unit), length: 6 };
  return { text: String.fromCharCode(unit, next), length: 12 };
}

/** The number in a \uXXXX sequence at `at`; -1 when there is no such sequence. */
function codeUnitAt(text: Uint8Array, at: number): number {
  if (byteAt(text, at) !== BACKSLASH || byteAt(text, at + 1) !== LOWER_U) return -1;
  let unit = 0;
  for (let i = 2; i < 6; i++) unit = unit * 16 + hexDigit(byteAt(text, at + i));
  return unit;
}

/** What the letter behind a backslash stands for; "" when it may not stand there. */
function shortEscape(letter: number): string {
  switch (letter) {
    case QUOTE:
      return '"';
    case BACKSLASH:
      return "\\";
    case 0x2f:
      return "/";
    case 0x62:
      return "\b";
    case 0x66:
      return "\f";
    case LOWER_N:
      return "\n";
    case 0x72:
      return "\r";
    case LOWER_T:
      return "\t";
    default:
      return "";
  }
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

/** The value of a hexadecimal digit; -1 when it is none. */
export function hexDigit(byte: number): number {
  if (isDigit(byte)) return byte - ZERO;
  const lowered = byte | 0x20;
  return lowered >= 0x61 && lowered <= 0x66 ? lowered - 0x61 + 10 : -1;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_T = 0x74;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
