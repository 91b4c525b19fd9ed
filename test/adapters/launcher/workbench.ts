import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startLauncher } from "../../../daemon/adapters/launcher/launcher.ts";
import type { Launcher, LauncherOptions } from "../../../daemon/adapters/launcher/launcher.ts";
import type { PluginRun } from "../../../daemon/ports/plugin-runner.ts";

const HERE = import.meta.dirname;
const BUILD = join(HERE, "../../../daemon/launcher/build.sh");

/** The launcher that is shipped, built if it is not. */
export const LAUNCHER = join(HERE, "../../../dist/plexus-launcher");

const PLUGINS = [
  "echoes",
  "describes",
  "fails",
  "crashes",
  "hangs",
  "strays",
  "spawns-daemon",
  "leaves",
  "floods",
  "floods-stderr",
  "burns",
  "clings",
  "traces",
];

/** The signal of a request that nobody gives up. */
export const patient = new AbortController().signal;

export interface Workbench {
  /** A directory of its own, removed in the end. */
  readonly directory: string;
  /** A directory of plugins that do what they are called; plugin.c has the list. */
  readonly plugins: string;
  /** Writes a shell script that can be run as a plugin. */
  script(name: string, ...lines: readonly string[]): void;
  /** Starts a launcher that lets a plugin take a minute and write a MiB. */
  launch(options?: Partial<LauncherOptions>): Launcher;
  /** A run of one of these plugins, without environment or stdin unless `parts` has them. */
  run(type: string, parts?: Partial<PluginRun>): PluginRun;
  /** Stops what was launched and removes what was made. */
  clear: () => Promise<void>;
}

export function makeWorkbench(): Workbench {
  execFileSync(BUILD);
  const directory = mkdtempSync(join(tmpdir(), "plexus-launcher-"));
  const plugins = join(directory, "plugins");
  mkdirSync(plugins);
  execFileSync("gcc", ["-static", "-O1", "-o", join(directory, "plugin"), join(HERE, "plugin.c")]);
  for (const name of PLUGINS) symlinkSync("../plugin", join(plugins, name));
  const launched: Launcher[] = [];

  return {
    directory,
    plugins,
    script: (name, ...lines) => {
      writeFileSync(join(plugins, name), ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
    },
    launch: (options = {}) => {
      const launcher = startLauncher({
        binary: LAUNCHER,
        host: { how: "here" },
        maxRunning: 400,
        pluginTimeoutMs: 60_000,
        maxOutputBytes: 1 << 20,
        onRestart: () => undefined,
        ...options,
      });
      launched.push(launcher);
      return launcher;
    },
    run: (type, parts = {}) => ({ type, searchPath: [plugins], env: {}, stdin: "", ...parts }),
    clear: async () => {
      await Promise.all(launched.map((launcher) => launcher.stop()));
      rmSync(directory, { recursive: true });
    },
  };
}

/** Waits for what will come true, and says what did not. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await pause(5);
  }
}

/** Whether a process runs; a zombie does not. */
export function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** The number of the launcher that is running, or soon will be. */
export async function pidOf(launcher: Launcher): Promise<number> {
  let pid: number | undefined;
  await until("the launcher to be up", () => {
    const state = launcher.state().launcher;
    pid = state.up ? state.pid : undefined;
    return pid !== undefined;
  });
  return pid ?? 0;
}

/** The numbers of the plugin that was told this file, and of its child, once it has written it. */
export async function pidsIn(file: string): Promise<readonly [number, number]> {
  let pids: unknown;
  await until(`${file} to name processes`, () => {
    pids = parsed(file);
    return pids !== undefined;
  });
  return pids as [number, number]; // plugin.c writes nothing else
}

function parsed(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
