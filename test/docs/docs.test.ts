import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { parseConfig } from "../../daemon/config/load.ts";
import { ConfigSchema } from "../../daemon/config/schema.ts";
import { parseConflist } from "../../daemon/domain/cni/conf.ts";
import { FAILURES } from "../../daemon/domain/errors.ts";
import { namespace } from "../../daemon/domain/ids.ts";
import { parseNetConf } from "../../daemon/domain/netconf.ts";
import { parseSelections } from "../../daemon/domain/selection.ts";

const page = (name: string): Promise<string> => readFile(`docs/${name}.md`, "utf8");

/** The cells of every table row below a heading, up to the next heading. */
function rows(text: string, heading: string): readonly (readonly string[])[] {
  const [, section = ""] = text.split(heading);
  return (section.split(/^## /m)[0] ?? "")
    .split("\n")
    .filter((line) => line.startsWith("|") && !line.startsWith("| ---"))
    .slice(1)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function blocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(([, body = ""]) => body);
}

describe("docs/errors.md", () => {
  it("has a row for every kind of failure, with its code and whether a retry helps, and no other", async () => {
    const documented = rows(await page("errors"), "# Errors").map(([code, kind, retry]) => [code, kind, retry]);
    const known = Object.entries(FAILURES).map(([kind, row]) => [String(row.cni), kind, row.retry ? "yes" : "no"]);
    expect(documented).toEqual(known);
  });
});

describe("docs/configuration.md", () => {
  it("has a row for every setting of the daemon, with its default, and no other", async () => {
    const defaults = ConfigSchema.parse({});
    const documented = rows(await page("configuration"), "## The daemon").map(([key = "", value = ""]) => [
      key.replaceAll("`", ""),
      value.replaceAll("`", ""),
    ]);
    const computed: Readonly<Record<string, string>> = { maxRunningPlugins: "cores x 4" };
    const known = Object.keys(ConfigSchema.shape).map((key) => [
      key,
      computed[key] ?? JSON.stringify(defaults[key as keyof typeof defaults] ?? "unset").replaceAll('"', ""),
    ]);
    expect(documented).toEqual(known);
  });

  it("shows a config that the daemon takes, and one that it can plan with", async () => {
    const [daemonConfig = "", netConf = ""] = blocks(await page("configuration"), "json");
    expect(parseConfig(daemonConfig, "the example")).toMatchObject({ binDir: "/usr/lib/cni" });
    const { networks } = parseNetConf(netConf);
    const delegates = networks.given === "inline" ? networks.delegates : [];
    expect(delegates.map((text) => parseConflist(text, "the example").name)).toEqual(["pods"]);
  });

  it("shows an annotation that selects what it seems to", async () => {
    const [example = ""] = blocks(await page("configuration"), "yaml");
    const { metadata } = parseAllDocuments(example)[0]?.toJS() as { metadata: { annotations: Record<string, string> } };
    expect(parseSelections(metadata.annotations["k8s.v1.cni.cncf.io/networks"], namespace("shop"))).toMatchObject([
      { namespace: "infra", name: "storage", interface: "data0" },
      { namespace: "shop", name: "backup" },
    ]);
  });
});

describe("docs/manifests.md", () => {
  it("shows a network whose config can be run", async () => {
    const [example = ""] = blocks(await page("manifests"), "yaml");
    const [nad] = parseAllDocuments(example).map((document) => document.toJS() as { spec: { config: string } });
    expect(parseConflist(nad?.spec.config ?? "", "the example", "storage")).toMatchObject({
      name: "storage",
      version: "1.0.0",
    });
  });
});
