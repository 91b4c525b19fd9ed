import type { Operations } from "./cni-service.ts";

export interface OperationsUnderWay {
  readonly operations: Operations;
  count(): number;
  /** Resolves when none is under way. */
  none(): Promise<void>;
}

/**
 * Counts operations from their beginning to their end, not calls: one whose caller has gone is being undone, and that must be waited for
 * like any other.
 */
export function countOperations({ add, del, check, status, gc }: Operations): OperationsUnderWay {
  let count = 0;
  let tell: () => void = () => undefined;
  const counted =
    <A extends readonly unknown[], R>(operation: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      count += 1;
      try {
        return await operation(...args);
      } finally {
        count -= 1;
        if (count === 0) tell();
      }
    };
  return {
    operations: {
      add: counted(add),
      del: counted(del),
      check: counted(check),
      status: counted(status),
      gc: counted(gc),
    },
    count: () => count,
    none: () =>
      new Promise((resolve) => {
        tell = resolve;
        if (count === 0) resolve();
      }),
  };
}
