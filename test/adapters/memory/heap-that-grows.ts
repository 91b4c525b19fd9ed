/** A process whose heap grows, and is needed no more; ends well when it is small again. */
import { setTimeout as pause } from "node:timers/promises";
import { giveBackWhenIdle } from "../../../daemon/adapters/memory/give-back-when-idle.ts";

giveBackWhenIdle(100);
const needed = Array.from({ length: 1_000_000 }, (_, index) => ({ index }));
const { heapTotal: most } = process.memoryUsage();
process.stdout.write(`${needed.length} objects\n`);
needed.length = 0;
while (process.memoryUsage().heapTotal > most / 2) await pause(50);
process.exit(0);
