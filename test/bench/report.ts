/** The tables, for the terminal and for docs/benchmarks.md. */
import type { Section } from "./section.ts";

/** Of a number three digits that count. */
function format(value: number | string): string {
  if (typeof value === "string") return value;
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 0.1))));
  return value.toFixed(Math.min(decimals, 2));
}

export function textTable({ title, note, columns, rows }: Section): string {
  const lines = [["", ...columns], ...rows.map(({ name, values }) => [name, ...values.map(format)])];
  const widths = ["", ...columns].map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  const body = lines.map((cells) => cells.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join("  "));
  return `${title}\n${note}\n\n${body.join("\n")}\n`;
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

export function markdownTable({ title, note, columns, rows }: Section): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  const body = rows.map(({ name, values }) => line([name, ...values.map(format)]));
  const ruler = line(["---", ...columns.map(() => "---:")]);
  return `### ${title}\n\n${note}\n\n${line(["", ...columns])}${ruler}${body.join("")}`;
}

const BEGIN = "<!-- bench: begin, written by npm run bench -- --write-docs -->";
const END = "<!-- bench: end -->";

/** Puts `text` between the marks of the page. */
export function withResults(page: string, text: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error("the page does not have the marks between which the results belong");
  return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n${page.slice(end)}`;
}
