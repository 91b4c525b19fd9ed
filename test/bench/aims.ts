import type { Row, Section } from "./section.ts";

interface Aim {
  readonly what: string;
  readonly atMost: number;
  /** Where it is measured. */
  readonly section: string;
  readonly row: string;
  readonly column: string;
}

const PLUGINS = ["No-op plugins", "bridge and host-local"];

const AIMS: readonly Aim[] = [
  { what: "the shim, one call, ms", atMost: 1.8, section: "The shim", row: "DEL of nothing", column: "wall p50 ms" },
  ...PLUGINS.map((plugins) => ({
    what: `${plugins}: ADD 1+1 paced, ms on top of bare`,
    atMost: 6,
    section: `${plugins}, one sandbox at a time`,
    row: "ADD 1+1 paced",
    column: "on top p50 ms",
  })),
  ...PLUGINS.map((plugins) => ({
    what: `${plugins}: ADD 1+1, 100 at once, x bare`,
    atMost: 2.5,
    section: `${plugins}, many sandboxes at once`,
    row: "ADD 1+1, 100 at once",
    column: "x bare",
  })),
];

/** Which aims are met. Those that were not measured are left out. */
export function aimsMet(sections: readonly Section[]): Section {
  return {
    title: "The aims",
    note: "Each beside its p50 in the tables below.",
    columns: ["at most", "measured", ""],
    rows: AIMS.flatMap((aim) => rowOf(aim, sections)),
  };
}

function rowOf({ what, atMost, section, row, column }: Aim, sections: readonly Section[]): readonly Row[] {
  const found = sections.find(({ title }) => title === section);
  const measured = found?.rows.find(({ name }) => name === row)?.values[found.columns.indexOf(column)];
  if (typeof measured !== "number") return [];
  return [{ name: what, values: [atMost, measured, measured <= atMost ? "met" : "missed"] }];
}
