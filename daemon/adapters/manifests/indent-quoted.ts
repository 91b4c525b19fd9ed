import { Lexer } from "yaml";

/**
 * YAML wants every line of a quoted scalar deeper than its key. kubectl does not insist, and `config: '{ ... }'` is mostly written with its
 * last brace below the c. Indents such lines; no value changes by it, because what leads a line is dropped when lines are folded.
 */
export function indentQuoted(text: string): string {
  for (let before = text; ; before = text) {
    text = indentFirstOfEachDocument(before);
    if (text === before) return text;
  }
}

/** From the opening quote to the closing one. */
const QUOTED = /'[^']*(?:''[^']*)*'|"[^"\\]*(?:\\.[^"\\]*)*"/sy;
/** Tokens that stand for no text: a document, the end of a broken flow collection and a scalar. */
const MARKS: ReadonlySet<string> = new Set(["\x02", "\x18", "\x1f"]);

/** Once the lexer has ended a scalar too early, it is astray until the next document. */
function indentFirstOfEachDocument(text: string): string {
  let indented = "";
  let done = 0;
  let at = 0;
  let astray = false;
  for (const token of new Lexer().lex(text)) {
    if (MARKS.has(token)) continue;
    if (token === "---") astray = false;
    const scalar = astray || at < done ? "" : quotedAt(text, at);
    if (scalar.length > token.length) {
      astray = true;
      indented += text.slice(done, at) + indentLines(scalar, at - text.lastIndexOf("\n", at) - 1);
      done = at + scalar.length;
    }
    at += token.length;
  }
  return indented + text.slice(done);
}

function quotedAt(text: string, at: number): string {
  QUOTED.lastIndex = at;
  return QUOTED.exec(text)?.[0] ?? "";
}

function indentLines(scalar: string, columns: number): string {
  const indent = " ".repeat(columns);
  return scalar.replaceAll(new RegExp(`\\n(?!${indent})`, "g"), `\n${indent}`);
}
