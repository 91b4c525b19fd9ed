import PQueue from "p-queue";
import { throwIfAborted } from "../scope.ts";

/**
 * Bounds how many plugins of one network run at once, whatever the node's own ceiling: an IPAM that locks, or a driver that does not bear much
 * at a time, then holds up its own network only.
 */
export class NetworkLanes {
  readonly #lanes = new Map<string, PQueue>();
  readonly #most: number | undefined;

  /** @param most undefined for no bound of their own */
  constructor(most: number | undefined) {
    this.#most = most;
  }

  async run<T>(network: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#most === undefined) return work();
    const lane = this.#lanes.get(network) ?? new PQueue({ concurrency: this.#most });
    this.#lanes.set(network, lane);
    try {
      return await lane.add(() => {
        throwIfAborted(signal);
        return work();
      });
    } finally {
      if (lane.size === 0 && lane.pending === 0 && this.#lanes.get(network) === lane) this.#lanes.delete(network);
    }
  }
}
