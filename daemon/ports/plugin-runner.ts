/** Starting CNI plugin executables. */
export interface PluginRun {
  /** The plugin's `type`: a bare file name, never a path. */
  readonly type: string;
  /** Absolute directories on the host, in the order they are searched. */
  readonly searchPath: readonly string[];
  /** Exactly what the plugin finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

export type PluginEnding =
  | { readonly how: "exited"; readonly status: number }
  /** Killed by a signal that was not ours. */
  | { readonly how: "killed"; readonly signal: number };

/** How a plugin ended and what it said. A plugin that fails is a report, not a rejection: reading it is the domain's business. */
export interface PluginReport {
  readonly ending: PluginEnding;
  readonly stdout: string;
  readonly stderr: string;
  /** From request to reply, waiting for a free slot included. */
  readonly wallMs: number;
  /** User plus system time of the plugin and the children it waited for. */
  readonly cpuMs: number;
  readonly maxRssKib: number;
}

export interface PluginRunner {
  /**
   * Runs one plugin to its end. No process of its group outlives a rejection. Rejects with a PlexusError:
   * `delegate-missing` (in no directory of the search path, or not executable there), `delegate-timed-out` (the runner's deadline passed),
   * `delegate-failed` (more output than the limit), `try-again-later` (the signal was raised, or whatever ran it died).
   */
  run(run: PluginRun, signal: AbortSignal): Promise<PluginReport>;
}
