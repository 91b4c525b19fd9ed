/** Lets tests wait for something that the server sees, without sleeping. */
export interface Bell {
  /** Something has changed. */
  readonly ring: () => void;
  /** What `look` returns as soon as it is neither undefined nor false. Rejects after four seconds, naming `what`. */
  readonly until: <T>(what: string, look: () => T | undefined | false) => Promise<T>;
}

export function makeBell(): Bell {
  const waiting = new Set<() => void>();
  return {
    ring: () => {
      for (const check of waiting) check();
    },
    until: <T>(what: string, look: () => T | undefined | false) => {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      // Nobody looks again after that: looking may take something away.
      const settle = (how: () => void): void => {
        clearTimeout(deadline);
        waiting.delete(check);
        how();
      };
      const check = (): void => {
        try {
          const found = look();
          if (found !== undefined && found !== false) settle(() => resolve(found));
        } catch (error) {
          settle(() => reject(error));
        }
      };
      const late = new Error(`the API server waited in vain for: ${what}`);
      const deadline = setTimeout(() => settle(() => reject(late)), 4_000);
      waiting.add(check);
      check();
      return promise;
    },
  };
}
