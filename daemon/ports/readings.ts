/** How things stand on the node, for whoever watches it. */
export interface Load {
  readonly running: number;
  readonly waiting: number;
}

/** A collection that is followed at the API server. */
export interface FollowedReading {
  readonly source: string;
  readonly synced: boolean;
  readonly following: boolean;
  readonly objects: number;
  /** Since anything was last heard of it. */
  readonly silentMs: number;
}

/** Read when somebody looks. Whatever cannot be read throws or rejects. */
export interface Readings {
  readonly operations: () => Load;
  readonly plugins: () => Load;
  readonly records: () => Promise<{ readonly sandboxes: number; readonly damaged: number }>;
  readonly pendingCleanups: () => { readonly spooled: number; readonly unfinished: number };
  readonly followed: () => readonly FollowedReading[];
  /** What was given up because the API server was away for too long. */
  readonly lost: () => { readonly events: number; readonly statuses: number };
  /** Undefined where there are no credentials. */
  readonly credentialAgeMs: () => number | undefined;
  /** The conditions of being ready, by name, and whether each holds. */
  readonly conditions: () => Promise<ReadonlyMap<string, boolean>>;
}
