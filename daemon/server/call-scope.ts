/** Whoever waits for an answer. */
export interface Caller {
  /** How many milliseconds from now nobody waits any more; infinite when the caller set no deadline. */
  readonly patienceMs: number;
  /** Has the caller's going away told; returns how to stop that. Tells at once when it is gone already. */
  readonly onGone: (tell: () => void) => () => void;
}

/** Which of a call's clocks and listeners end its work. */
export interface CallScope {
  readonly signal: AbortSignal;
  /** Lets go of timer and listener; to be called when the call is answered. */
  close(): void;
}

/**
 * A signal that is raised when the call's deadline passes, the caller goes away, or the ceiling is reached: whichever is first.
 * The reason says which.
 */
export function callScope({ patienceMs, onGone }: Caller, ceilingMs: number): CallScope {
  const controller = new AbortController();
  const timer = setTimeout(
    () => {
      controller.abort(new Error("the deadline of the call has passed"));
    },
    Math.max(0, Math.min(patienceMs, ceilingMs)),
  );
  const stopListening = onGone(() => {
    controller.abort(new Error("the caller went away"));
  });
  return {
    signal: controller.signal,
    close: () => {
      clearTimeout(timer);
      stopListening();
    },
  };
}
