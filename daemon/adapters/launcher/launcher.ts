import type { PluginRunner } from "../../ports/plugin-runner.ts";
import type { Sandboxes } from "../../ports/sandboxes.ts";
import type { PluginHost } from "./one-launcher.ts";
import { BUSY_PAUSES_MS, launcherPluginRunner } from "./plugin-runner.ts";
import { launcherSandboxes } from "./sandboxes.ts";
import { superviseLauncher } from "./supervised-launcher.ts";
import type { LauncherState } from "./supervised-launcher.ts";
import { launcherUnmount } from "./unmount.ts";

export type { PluginHost };

export interface LauncherOptions {
  /** The plexus-launcher executable. */
  readonly binary: string;
  readonly host: PluginHost;
  /** Plugins that run at the same time; others queue. */
  readonly maxRunning: number;
  /** How long one plugin may take before it is killed. */
  readonly pluginTimeoutMs: number;
  /** What one plugin may write to each of stdout and stderr before it is killed. At most 64 MiB. */
  readonly maxOutputBytes: number;
  /** A launcher ended unasked, and another is started. */
  readonly onRestart: (reason: string) => void;
  /** How long to wait before each further attempt at a file that is being written. The default comes to six seconds. */
  readonly busyPausesMs?: readonly number[];
}

export interface Launcher {
  readonly runner: PluginRunner;
  readonly sandboxes: Sandboxes;
  /** Ends what is mounted on a file, in the host's mount namespace, and removes the file. Rejects with `io-failure`. */
  readonly unmount: (path: string) => Promise<void>;
  /** Whether a launcher takes requests, or why not; and how many plugins run or wait for their turn. */
  state(): { readonly launcher: LauncherState; readonly running: number; readonly waiting: number };
  /** Ends the launcher and all it runs, whose runs reject with `try-again-later`. Takes at most five seconds. */
  stop: () => Promise<void>;
}

/** Starts a launcher and keeps one running until `stop`. It need not be up when this returns: runs wait for it. */
export function startLauncher(options: LauncherOptions): Launcher {
  const launcher = superviseLauncher(options);
  const runner = launcherPluginRunner(launcher, { busyPausesMs: BUSY_PAUSES_MS, ...options });
  return {
    runner,
    sandboxes: launcherSandboxes(launcher),
    unmount: launcherUnmount(launcher),
    state: () => ({ launcher: launcher.state(), ...runner.load() }),
    stop: launcher.stop,
  };
}
