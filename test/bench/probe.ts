/** Loaded into a daemon that is to be watched: tells the one that started it, on request, how late its event loop has been. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { LoopDelay } from "./daemon.ts";

/** Milliseconds between two looks; every value in the histogram has it on top. */
const RESOLUTION = 1;

const delays = monitorEventLoopDelay({ resolution: RESOLUTION });
delays.enable();

const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION);

// Whatever is asked, the answer is about the time since the last question.
process.on("message", () => {
  const delay: LoopDelay = {
    p50: late(delays.percentile(50)),
    p99: late(delays.percentile(99)),
    most: late(delays.max),
  };
  process.send?.(delay);
  delays.reset();
});
process.channel?.unref();
