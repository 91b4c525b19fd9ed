/** docs/migrate.md as tests read it. */
import { readFile } from "node:fs/promises";
import { here } from "../host.ts";

export interface Section {
  /** Of its numbered steps, in order. */
  readonly titles: readonly string[];
  /** Its JSON examples, in order. */
  readonly examples: readonly Readonly<Record<string, unknown>>[];
}

/** The text below a heading, up to the next one. */
export async function sectionOfGuide(heading: string): Promise<Section> {
  const guide = await readFile(here("docs/migrate.md"), "utf8");
  const section = guide.split(new RegExp(`^#+ ${heading}\n`, "m"))[1]?.split(/^##/m)[0] ?? "";
  const all = (pattern: RegExp): readonly string[] => [...section.matchAll(pattern)].map(([, found = ""]) => found);
  return {
    titles: all(/^\d\. \*\*(.+?)\.\*\*/gm),
    examples: all(/^ *```json\n([^]*?)```/gm).map((text) => JSON.parse(text) as Record<string, unknown>),
  };
}
