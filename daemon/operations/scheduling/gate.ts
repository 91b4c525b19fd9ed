/** Lets work through side by side, except for work that must be alone: it waits until all others are through, and new ones wait for it. */
export class Gate {
  #inside = 0;
  #closed: Promise<void> | undefined;
  #onEmpty: () => void = () => undefined;

  async pass<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed !== undefined) await this.#closed;
    this.#inside += 1;
    try {
      return await work();
    } finally {
      this.#inside -= 1;
      if (this.#inside === 0) this.#onEmpty();
    }
  }

  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed !== undefined) await this.#closed;
    const opened = Promise.withResolvers<undefined>();
    this.#closed = opened.promise.then(() => undefined);
    try {
      if (this.#inside > 0) {
        await new Promise<void>((resolve) => {
          this.#onEmpty = resolve;
        });
      }
      return await work();
    } finally {
      this.#onEmpty = () => undefined;
      this.#closed = undefined;
      opened.resolve(undefined);
    }
  }
}
