/** The directories that runtimes read their confs from, as they are written to and followed. What is in a file, ConfFiles tells. */
export interface ConfDirectory {
  /** What is in a directory, in byte order; nothing in one that is not there. Rejects with `io-failure`. */
  names(directory: string): Promise<readonly string[]>;
  /**
   * Puts a file with this content and mode in place, with its directory if need be. Who reads it, and who finds it after a power cut, finds the
   * old content or the new. Rejects with `io-failure`; then the old one stands, but for a sync of the directory that failed.
   */
  write(path: string, text: string, mode: number): Promise<void>;
  /** Durable when it resolves. Removing what is not there succeeds. Rejects with `io-failure`. */
  remove(path: string): Promise<void>;
}

/** What may have changed on the disk. Not everything is noticed, so whoever relies on it must also look now and then. */
export interface ConfChanges {
  /** Notices from now on, also when the directories have been replaced since. To be called before each look. */
  renew(): void;
  /** Resolves when something may have changed since it last resolved, and when the signal is raised. For one caller at a time. */
  next(signal: AbortSignal): Promise<void>;
  /** Nothing is noticed any more. */
  close(): void;
}
