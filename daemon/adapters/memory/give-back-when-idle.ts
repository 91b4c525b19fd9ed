import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A busy loop has better things to do; an idle daemon uses far less of its time than this part. */
const IDLE_UTILIZATION = 0.1;
/** So many times what was left by the last collection is too much. */
const TOO_MUCH = 1.4;

/**
 * V8 keeps the memory that it once needed until its next full collection, and an idle daemon makes too little garbage for one ever to come. So
 * one is made, for as long as the process lives, whenever it has been idle for a while and its heap is much larger than after the last one.
 */
export function giveBackWhenIdle(everyMs = 5_000): void {
  const collect = collector();
  let left = process.memoryUsage().heapTotal;
  let before = performance.eventLoopUtilization();

  async function look(): Promise<void> {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (utilization > IDLE_UTILIZATION || process.memoryUsage().heapTotal < left * TOO_MUCH) return;
    await collect({ type: "major", execution: "async", flavor: "last-resort" });
    left = process.memoryUsage().heapTotal;
  }

  setInterval(() => void look(), everyMs).unref();
}

/** On the command line, --expose-gc would make every start 40 ms longer: what Node has compiled beforehand does not fit other flags of V8's. */
function collector(): NonNullable<typeof globalThis.gc> {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as NonNullable<typeof globalThis.gc>;
}
