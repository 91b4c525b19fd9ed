/**
 * One piece of work at a time for all who want what it comes to. Who asks while it runs is given the outcome of the next round, with all others
 * who asked meanwhile: the one that runs may have looked before there was what he is asking for.
 */
export function makeNextRound<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;

  async function round(before: Promise<unknown>): Promise<T> {
    await before.catch(() => undefined);
    next = undefined;
    const begun = work();
    running = begun;
    return begun;
  }

  return () => (next ??= round(running));
}
