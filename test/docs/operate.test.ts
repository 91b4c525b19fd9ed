import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { makePrometheus } from "../../daemon/adapters/prometheus/prometheus.ts";

const page = await readFile("docs/operate.md", "utf8");

/** The text below a heading, up to the next one of its rank. */
function section(heading: string): string {
  const rank = /^#+ /.exec(heading)?.[0] ?? "";
  return page.split(`${heading}\n`)[1]?.split(new RegExp(`^${rank}`, "m"))[0] ?? "";
}

function cells(text: string): readonly (readonly string[])[] {
  const rows = text.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) => row.split(" | ").map((cell) => cell.replace(/^\| |( \|)$/g, "")));
}

function yaml(heading: string): string {
  return /```yaml\n([\s\S]*?)```/.exec(section(heading))?.[1] ?? "";
}

const catalogue = () => {
  const prometheus = makePrometheus("1.2.3");
  prometheus.watch({
    operations: () => ({ running: 0, waiting: 0 }),
    plugins: () => ({ running: 0, waiting: 0 }),
    records: async () => ({ sandboxes: 0, damaged: 0 }),
    pendingCleanups: () => ({ spooled: 0, unfinished: 0 }),
    followed: () => [],
    lost: () => ({ events: 0, statuses: 0 }),
    credentialAgeMs: () => undefined,
    conditions: async () => new Map(),
  });
  return prometheus.catalogue();
};

describe("docs/operate.md", () => {
  it("has a row for every metric, with its type, labels and help, and no other", () => {
    const known = catalogue().map(({ name, type, labels, help }) => {
      const list = labels.map((label) => `\`${label}\``).join(", ");
      return [`\`${name}\``, type, list || "none", help];
    });
    expect(cells(section("## Metrics"))).toEqual(known);
  });

  it("has alerts that ask for metrics that there are, with labels that they have", () => {
    const { groups } = parse(yaml("### Alerts")) as { groups: [{ rules: readonly { alert: string; expr: string }[] }] };
    const labels = new Map(catalogue().map(({ name, labels }) => [name, new Set([...labels, "instance", "le"])]));
    const wrong = groups[0].rules.flatMap(({ alert, expr }) => {
      const names = expr.match(/\bplexus_\w+/g) ?? ["no metric"];
      const used = [...expr.matchAll(/(\w+)\s*(?:!~|=~|!=|=)\s*"|by \(([^)]*)\)/g)].flatMap(([, one, list]) =>
        (one ?? list ?? "").split(/,\s*/),
      );
      return names
        .map((name) => labels.get(name.replace(/_bucket$/, "")))
        .filter((has) => used.some((label) => has?.has(label) !== true))
        .map(() => alert);
    });
    expect(wrong).toEqual([]);
  });

  it("has probes that lead to what there is", () => {
    const probes = Object.values(parse(yaml("## Probes")) as Record<string, { httpGet: { path: string } }>);
    const paths = cells(section("## Probes").split("```")[0] ?? "").map(([path = ""]) => path.replaceAll("`", ""));
    expect(paths).toEqual(["/readyz", "/livez"]);
    expect(probes.filter(({ httpGet }) => !paths.includes(httpGet.path))).toEqual([]);
  });
});
