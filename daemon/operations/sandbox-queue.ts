import PQueue from "p-queue";
import type { SandboxId } from "../domain/ids.ts";
import { refuseIfGivenUp } from "./scope.ts";

/** DEL overtakes whatever else waits for its sandbox: nothing should be attached to what is about to go. */
export type Urgency = "first" | "in-turn";

/** Work for one sandbox runs one at a time, in order of arrival but for the urgent; different sandboxes run side by side. */
export class SandboxQueue {
  readonly #lanes = new Map<SandboxId, PQueue>();

  /** Work that was given up while it waited is refused when its turn comes; work that runs is never abandoned by its lane. */
  async run<T>(sandbox: SandboxId, urgency: Urgency, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const lane = this.#lane(sandbox);
    try {
      // p-queue's own signal and timeout free the lane while the work still runs, so neither is used.
      return await lane.add(
        () => {
          refuseIfGivenUp(signal);
          return work();
        },
        { priority: urgency === "first" ? 1 : 0 },
      );
    } finally {
      if (lane.size === 0 && lane.pending === 0) this.#lanes.delete(sandbox);
    }
  }

  #lane(sandbox: SandboxId): PQueue {
    const known = this.#lanes.get(sandbox);
    if (known !== undefined) return known;
    const lane = new PQueue({ concurrency: 1 });
    this.#lanes.set(sandbox, lane);
    return lane;
  }
}
