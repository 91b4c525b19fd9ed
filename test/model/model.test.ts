/** Stories of a node, made up and played: of one that fails, the shortest like it is told, with all that happened and the seed. */
import * as fc from "fast-check";
import { it } from "vitest";
import { story } from "./commands.ts";
import { play } from "./play.ts";

const RUNS = process.env["PLEXUS_SOAK"] === undefined ? 2_000 : 50_000;
const LONGEST_MS = 3_600_000;

it(
  "whatever happens in whatever order, nothing leaks, what stands is left alone, and every debt is paid",
  () => fc.assert(fc.asyncProperty(story, play), { numRuns: RUNS }),
  LONGEST_MS,
);
