import { parseArgs } from "node:util";

export const GROUPS = ["shim", "noop", "bridge", "daemon", "durability", "cluster"] as const;
export type GroupName = (typeof GROUPS)[number];

export interface BenchOptions {
  /** A tenth of the work, to see that everything runs; the numbers mean little. */
  readonly quick: boolean;
  readonly groups: readonly GroupName[];
  readonly writeDocs: boolean;
}

const HELP = `usage: node test/bench/main.ts [--quick] [--only GROUP]... [--write-docs]

  --quick         less than a minute; shows that everything works
  --only GROUP    ${GROUPS.join(", ")}
  --write-docs    put the tables into docs/benchmarks.md
`;

/** Prints the usage and ends the process where that is what the arguments ask for or deserve. */
export function parseBenchArgs(args: readonly string[]): BenchOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        "write-docs": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const unknown = values.only.find((name) => !GROUPS.some((group) => group === name));
    if (unknown !== undefined) throw new Error(`no group is called ${unknown}`);
    const groups = values.only.length === 0 ? GROUPS : GROUPS.filter((group) => values.only.includes(group));
    return { quick: values.quick, groups, writeDocs: values["write-docs"] };
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}
