import type { Section } from "./section.ts";
import type { Site } from "./site.ts";

/** What every group of measurements is given. */
export interface Bench {
  readonly site: Site;
  /** `full` times, or a few when all that matters is that it runs. */
  readonly times: (full: number, few: number) => number;
  /** Says what comes next. */
  readonly progress: (what: string) => void;
}

export type Group = (bench: Bench) => Promise<readonly Section[]>;
