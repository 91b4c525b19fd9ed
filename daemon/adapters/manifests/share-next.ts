/**
 * Runs one task at a time. Whoever asks gets a run that starts after he asked, together with all who ask before it starts:
 * the run under way may have passed what he wants it to see. The task must not reject.
 */
export function shareNext(task: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    next ??= last = last.then(() => {
      next = undefined;
      return task();
    });
    return next;
  };
}
