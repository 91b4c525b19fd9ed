/** Prints the story: a margin for what is happening, and the rest of the line for what came of it. */
import { styleText } from "node:util";

const MARGIN = 10;

/** Begins a part of the story. styleText leaves colours out where nobody would see them, and with NO_COLOR. */
export function begin(part: string, text: string): void {
  console.log(`\n${styleText(["bold", "cyan"], part.padEnd(MARGIN))}${text}`);
}

export function say(text = ""): void {
  console.log(`${" ".repeat(MARGIN)}${text}`);
}

export function good(text: string): void {
  say(`${styleText("green", "ok")}  ${text}`);
}

export function bad(text: string): void {
  say(`${styleText(["bold", "red"], "NOT OK")}  ${text}`);
}

/** What the reader's eye should find. */
export function strong(text: string): string {
  return styleText("bold", text);
}

/** What is there for the curious. */
export function faint(text: string): string {
  return styleText("dim", text);
}

/** JSON, a value per line down to the given depth; what is deeper stays on one line. */
export function sayJson(value: unknown, depth: number): void {
  for (const line of layOut(value, depth, "").split("\n")) say(faint(line));
}

function layOut(value: unknown, depth: number, indent: string): string {
  if (depth === 0 || typeof value !== "object" || value === null) return onOneLine(value);
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const members = Array.isArray(value)
    ? value.map((member) => layOut(member, depth - 1, inner))
    : Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${layOut(member, depth - 1, inner)}`);
  return `${open}\n${members.map((member) => inner + member).join(",\n")}\n${indent}${close}`;
}

function onOneLine(value: unknown): string {
  return JSON.stringify(value, null, 1).replaceAll(/\n\s*/g, " ");
}
