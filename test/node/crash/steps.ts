/**
 * Every step of an ADD and of a DEL of the crash site's pod: what the daemon does to its records, and each start and end of a plugin.
 * crash.test.ts sees to it that none is missing.
 */

/** What the container runtime does about an operation whose daemon died: repeats its DEL until that succeeds, or nothing, for it died too. */
export type Runtime = "repeats" | "is gone";

export interface Step {
  /** As the stumbling plugins and the stumbling daemon call it. */
  readonly at: string;
  /** Completes "killed ...". */
  readonly when: string;
  /** With which runtime it is tried even when time is short. */
  readonly brief?: Runtime;
}

/** Until the ADD is on record as done. */
export const UNFINISHED_ADD: readonly Step[] = [
  { at: "before readFile record 1", when: "before it looked for an older record" },
  { at: "before open new record 1", when: "before anything was written" },
  { at: "before writeFile new record 1", when: "when the file of the intent was there and empty", brief: "is gone" },
  { at: "before sync new record 1", when: "when the intent was written and not synced" },
  { at: "before close new record 1", when: "when the intent was synced" },
  { at: "before rename new record 1", when: "when the intent lay beside its place", brief: "repeats" },
  { at: "before open directory 1", when: "when the intent was in its place", brief: "is gone" },
  { at: "before sync directory 1", when: "when the intent's name was not synced" },
  { at: "before close directory 1", when: "when the intent's name was synced" },
  { at: "before ADD bridge eth0", when: "before the first plugin did anything" },
  { at: "before ADD host-local eth0", when: "while bridge, its veth made, asked for an address", brief: "is gone" },
  { at: "after ADD host-local eth0", when: "when bridge had an address and had not used it", brief: "repeats" },
  { at: "after ADD bridge eth0", when: "when bridge was done and had not said so" },
  { at: "before ADD portmap eth0", when: "when bridge had told its result" },
  { at: "after ADD portmap eth0", when: "when portmap had made its chains and had not said so", brief: "is gone" },
  { at: "before ADD flannel net1", when: "between the two networks", brief: "repeats" },
  { at: "before ADD bridge net1", when: "when flannel had made its notes and nothing else" },
  { at: "before ADD host-local net1", when: "while the bridge of flannel asked for an address" },
  { at: "after ADD host-local net1", when: "when the bridge of flannel had an address and had not used it" },
  { at: "after ADD bridge net1", when: "when the bridge of flannel was done and flannel did not know" },
  { at: "after ADD flannel net1", when: "when all plugins were done", brief: "is gone" },
  { at: "before open new record 2", when: "before the results were written" },
  { at: "before writeFile new record 2", when: "when the file of the results was there and empty" },
  { at: "before sync new record 2", when: "when the results were written and not synced" },
  { at: "before close new record 2", when: "when the results were synced" },
  { at: "before rename new record 2", when: "when the results lay beside their place", brief: "repeats" },
];

/** From there until its answer. */
export const FINISHED_ADD: readonly Step[] = [
  { at: "before open directory 2", when: "when the results were in their place", brief: "repeats" },
  { at: "before sync directory 2", when: "when the results' name was not synced" },
  { at: "before close directory 2", when: "when the results' name was synced" },
  { at: "before writeFile new status 1", when: "before the status was shown" },
  { at: "before rename new status 1", when: "when the status lay beside its place" },
  { at: "after rename new status 1", when: "when all was done but the answer", brief: "is gone" },
];

/** Until the DEL is on record as begun. */
export const UNBEGUN_DEL: readonly Step[] = [
  { at: "before readFile record 1", when: "before it read the record", brief: "repeats" },
  { at: "before open new record 1", when: "before it wrote that it had begun" },
  { at: "before writeFile new record 1", when: "when the file of its beginning was there and empty" },
  { at: "before sync new record 1", when: "when its beginning was written and not synced" },
  { at: "before close new record 1", when: "when its beginning was synced" },
  { at: "before rename new record 1", when: "when its beginning lay beside its place", brief: "is gone" },
];

/** From there until its answer. */
export const BEGUN_DEL: readonly Step[] = [
  { at: "before open directory 1", when: "when its beginning was in its place", brief: "is gone" },
  { at: "before sync directory 1", when: "when the name of its beginning was not synced" },
  { at: "before close directory 1", when: "when the name of its beginning was synced" },
  { at: "before DEL flannel net1", when: "before the first plugin did anything" },
  { at: "before DEL bridge net1", when: "when flannel had read its notes and nothing else", brief: "is gone" },
  { at: "before DEL host-local net1", when: "when the link of flannel was gone and its address not" },
  {
    at: "after DEL host-local net1",
    when: "when the address of flannel was back and bridge did not know",
    brief: "repeats",
  },
  { at: "after DEL bridge net1", when: "when the bridge of flannel was done and flannel did not know" },
  { at: "after DEL flannel net1", when: "when flannel was done and had not said so" },
  { at: "before DEL portmap eth0", when: "between the two networks" },
  { at: "after DEL portmap eth0", when: "when portmap was done and had not said so" },
  { at: "before DEL bridge eth0", when: "when portmap had said that it was done" },
  { at: "before DEL host-local eth0", when: "when the first link was gone and its address not" },
  {
    at: "after DEL host-local eth0",
    when: "when the first address was back and bridge did not know",
    brief: "is gone",
  },
  { at: "after DEL bridge eth0", when: "when all plugins were done", brief: "repeats" },
  { at: "before unlink record 1", when: "before the record was removed" },
  { at: "before rm status 1", when: "while record and status were being removed", brief: "is gone" },
  { at: "before open directory 2", when: "when the record was removed" },
  { at: "before sync directory 2", when: "when the record's removal was not synced" },
  { at: "before close directory 2", when: "when the record's removal was synced" },
  { at: "after close directory 2", when: "when all was done but the answer", brief: "repeats" },
];

const briefly = process.env["PLEXUS_SOAK"] === undefined;

/** The steps to try with such a runtime. */
export function tried(steps: readonly Step[], runtime: Runtime): readonly Step[] {
  return steps.filter(({ brief }) => !briefly || brief === runtime);
}

/** The steps of plugins alone, for victims that plugins kill. */
export function ofPlugins(steps: readonly Step[]): readonly Step[] {
  return steps.filter(({ at }) => /^(before|after) (ADD|DEL) /.test(at));
}
