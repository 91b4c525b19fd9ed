/** How a scenario went, as a suite leaves it in the cache for versions.ts. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { realCache } from "./parts.ts";

export interface Result {
  /** Of the file in the cache, e.g. `report-a`. */
  readonly scenario: string;
  /** What the scenario is about, for readers. */
  readonly title: string;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  readonly passed: number;
  readonly failed: number;
  /** What it ran on: part and version, e.g. `kubelet v1.36.3`. */
  readonly parts: readonly string[];
}

const directory = (): string => join(realCache(), "results");

export async function writeResult(result: Result): Promise<void> {
  await mkdir(directory(), { recursive: true });
  await writeFile(join(directory(), `${result.scenario}.json`), JSON.stringify(result, null, 2));
}

/** All that suites have left, by scenario. */
export async function readResults(): Promise<readonly Result[]> {
  const files = await readdir(directory()).catch(() => []);
  const texts = await Promise.all(files.sort().map((file) => readFile(join(directory(), file), "utf8")));
  return texts.map((text) => JSON.parse(text) as Result);
}
