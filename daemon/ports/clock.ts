export interface Clock {
  /** Milliseconds since the epoch. For stamps that people read. */
  now(): number;
  /** Milliseconds from some fixed point, never running backwards. For durations. */
  monotonic(): number;
  /** Resolves after so many milliseconds, or as soon as the signal is raised. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
