import { cutText } from "../../domain/cut-text.ts";

/** In characters; every row of a metric repeats it. */
const LONGEST_VALUE = 128;

/** What stands for every value beyond the bound. */
const OTHERS = "(others)";

/**
 * Values of a label that others choose: the first ones that come are kept for as long as the daemon runs, all further ones are counted as one.
 * Every value of a label is a row in somebody's memory, and pods must not be able to fill it.
 */
export function boundedLabel(most: number): (value: string) => string {
  const known = new Set<string>();
  return (given) => {
    const value = cutText(given, LONGEST_VALUE);
    if (known.has(value)) return value;
    if (known.size >= most) return OTHERS;
    known.add(value);
    return value;
  };
}
