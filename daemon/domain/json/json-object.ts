import { PlexusError } from "../errors.ts";

/** Text that JSON.parse accepts. Kept as text so that nobody's numbers, key order or unknown keys change on the way through. */
export type JsonText = string;

/**
 * A JSON object of which only the top level is taken apart: each member's value stays the text it was.
 * Members can be added, replaced and removed; whatever was not touched comes out as it came in.
 */
export class JsonObject {
  readonly #members: ReadonlyMap<string, JsonText>;

  private constructor(members: ReadonlyMap<string, JsonText>) {
    this.#members = members;
  }

  static readonly empty: JsonObject = new JsonObject(new Map());

  /** @throws PlexusError `decode-failure` when the text is not JSON or not an object; `what` names it in the message. */
  static parse(text: JsonText, what: string): JsonObject {
    const value = parseJson(text, what);
    if (!isPlainObject(value)) throw new PlexusError("decode-failure", `${what} is not a JSON object`);
    return new JsonObject(new Map(membersOf(text)));
  }

  static of(members: Iterable<readonly [string, JsonText]>): JsonObject {
    return new JsonObject(new Map(members));
  }

  has(key: string): boolean {
    return this.#members.has(key);
  }

  /** The member's value, parsed; undefined when absent. Numbers are JavaScript's here, so never write this value back. */
  get(key: string): unknown {
    const text = this.#members.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  text(key: string): JsonText | undefined {
    return this.#members.get(key);
  }

  /** Like text(), but as Go reads keys: in any case, an exact match first, otherwise the last that fits (spec §0). */
  textFolded(key: string): JsonText | undefined {
    const folded = key.toLowerCase();
    return this.#members.get(key) ?? [...this.#members].findLast(([name]) => name.toLowerCase() === folded)?.[1];
  }

  entries(): Iterable<readonly [string, JsonText]> {
    return this.#members.entries();
  }

  with(key: string, text: JsonText): JsonObject {
    return new JsonObject(new Map(this.#members).set(key, text));
  }

  /** Like with(), for many members in one pass. */
  withAll(members: Iterable<readonly [string, JsonText]>): JsonObject {
    return new JsonObject(new Map([...this.#members, ...members]));
  }

  without(key: string): JsonObject {
    const members = new Map(this.#members);
    members.delete(key);
    return new JsonObject(members);
  }

  toString(): JsonText {
    const members = [...this.#members].map(([key, text]) => `${JSON.stringify(key)}:${text}`);
    return `{${members.join(",")}}`;
  }
}

/** The elements of a JSON array, each as its text. @throws PlexusError `decode-failure` when it is no array. */
export function elementsOf(text: JsonText, what: string): JsonText[] {
  if (!Array.isArray(parseJson(text, what))) throw new PlexusError("decode-failure", `${what} is not a JSON array`);
  const elements: JsonText[] = [];
  for (let at = skipBlank(text, skipBlank(text, 0) + 1); text[at] !== "]";) {
    const end = valueEnd(text, at);
    elements.push(text.slice(at, end));
    at = skipBlank(text, end);
    if (text[at] === ",") at = skipBlank(text, at + 1);
  }
  return elements;
}

/** Configuration nests a few levels deep. JSON.stringify, schemas and plugins work recursively: a deeper text ends in their stack. */
const DEEPEST_JSON = 100;

/**
 * JSON.parse that fails with our error. The message tells what is wrong and quotes nothing: the text may hold secrets.
 * @throws PlexusError `decode-failure`, or `invalid-config` for JSON that nests too deep (issue 11)
 */
export function parseJson(text: JsonText, what: string): unknown {
  if (nestsDeeper(text, DEEPEST_JSON)) {
    throw new PlexusError("invalid-config", `${what} nests more than ${DEEPEST_JSON} levels deep`, {
      details: "remove the extra brackets; no CNI configuration or result needs so many levels",
    });
  }
  try {
    return JSON.parse(text);
  } catch (thrown) {
    // V8 tells either where it stumbled, or over which character, and then shows an excerpt.
    const problem = (thrown as SyntaxError).message.replace(/(?<='), .*is not valid JSON$/su, "");
    throw new PlexusError("decode-failure", `${what} is not JSON: ${problem}`);
  }
}

/** One pass without recursion, before the parser runs. Text that is no JSON is the parser's to refuse. */
function nestsDeeper(text: JsonText, most: number): boolean {
  // Each level takes two brackets.
  if (text.length <= 2 * most) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = stringEnd(text, at) - 1;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (++depth > most) return true;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--;
        break;
    }
  }
  return false;
}

const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Walks an object's text, known to be valid, and cuts out its members. A key that comes twice keeps its last value, as everywhere. */
function* membersOf(text: JsonText): Generator<[string, JsonText]> {
  let at = skipBlank(text, skipBlank(text, 0) + 1);
  while (text[at] !== "}") {
    const keyEnd = valueEnd(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const valueAt = skipBlank(text, skipBlank(text, keyEnd) + 1);
    const end = valueEnd(text, valueAt);
    yield [key, text.slice(valueAt, end)];
    at = skipBlank(text, end);
    if (text[at] === ",") at = skipBlank(text, at + 1);
  }
}

function skipBlank(text: string, from: number): number {
  let at = from;
  while (" \t\n\r".includes(text[at] ?? "x")) at++;
  return at;
}

/** The index just behind the value that starts at `from`. Only ever called on text that JSON.parse took. */
function valueEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    switch (text.charAt(at)) {
      case '"':
        at = stringEnd(text, at) - 1;
        break;
      case "{":
      case "[":
        depth++;
        continue;
      case "}":
      case "]":
        depth--;
        break;
      default:
        if (depth > 0 || !endsScalar(text[at + 1])) continue;
    }
    if (depth === 0) return at + 1;
  }
  return text.length;
}

function stringEnd(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function endsScalar(next: string | undefined): boolean {
  return next === undefined || ",}] \t\n\r".includes(next);
}
