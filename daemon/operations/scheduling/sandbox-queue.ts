import PQueue from "p-queue";
import { PlexusError } from "../../domain/errors.ts";
import type { SandboxId } from "../../domain/ids.ts";
import { Gate } from "./gate.ts";
import { throwIfAborted } from "../scope.ts";

/** DEL overtakes whatever else waits for its sandbox: nothing should be attached to what is about to go. */
export type Urgency = "first" | "in-turn";

/** Work for one sandbox runs one at a time, in order of arrival but for the urgent; different sandboxes run side by side. */
export class SandboxQueue {
  readonly #lanes = new Map<SandboxId, PQueue>();
  readonly #gate = new Gate();
  readonly #most: number;
  #held = 0;

  /** @param most how many operations may run and wait, all sandboxes together; one more is told to come back */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Work that was given up while it waited is refused when its turn comes; work that runs is never abandoned by its lane.
   * Rejects with `try-again-later` when the queue is full.
   */
  async run<T>(sandbox: SandboxId, urgency: Urgency, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#held >= this.#most) {
      throw new PlexusError("try-again-later", `${this.#most} operations are under way on this node already`, {
        details: "the runtime will ask again; see in the daemon's log which plugins take so long",
      });
    }
    this.#held += 1;
    try {
      return await this.runBesides(sandbox, urgency, signal, work);
    } finally {
      this.#held -= 1;
    }
  }

  /** The same for the daemon's own work, of which there may be as much as there are sandboxes: it is never refused, and takes nobody's room. */
  async runBesides<T>(sandbox: SandboxId, urgency: Urgency, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const lane = this.#lane(sandbox);
    try {
      // p-queue's own signal and timeout free the lane while the work still runs, so neither is used.
      return await lane.add(
        () =>
          this.#gate.pass(() => {
            throwIfAborted(signal);
            return work();
          }),
        { priority: urgency === "first" ? 1 : 0 },
      );
    } finally {
      if (lane.size === 0 && lane.pending === 0 && this.#lanes.get(sandbox) === lane) this.#lanes.delete(sandbox);
    }
  }

  /** How many operations run, and how many wait for another of their sandbox. */
  load(): { readonly running: number; readonly waiting: number } {
    const lanes = [...this.#lanes.values()];
    return {
      running: lanes.reduce((sum, { pending }) => sum + pending, 0),
      waiting: lanes.reduce((sum, { size }) => sum + size, 0),
    };
  }

  /** Runs while no sandbox has work under way. What comes meanwhile waits. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#gate.exclusively(work);
  }

  #lane(sandbox: SandboxId): PQueue {
    const known = this.#lanes.get(sandbox);
    if (known !== undefined) return known;
    const lane = new PQueue({ concurrency: 1 });
    this.#lanes.set(sandbox, lane);
    return lane;
  }
}
