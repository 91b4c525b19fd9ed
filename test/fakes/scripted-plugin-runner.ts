import { PlexusError } from "../../daemon/domain/errors.ts";
import type { PluginReport, PluginRun, PluginRunner } from "../../daemon/ports/plugin-runner.ts";

/**
 * What a plugin does when it is run. It may take its time, heed the signal, throw the PlexusError of a runner that gave up,
 * or answer `undefined`: no such plugin is installed.
 */
export type PluginScript = (
  run: PluginRun,
  signal: AbortSignal,
) => PluginReport | undefined | Promise<PluginReport | undefined>;

export interface ScriptedPluginRunner extends PluginRunner {
  /** Every run that was started, oldest first. */
  readonly runs: readonly PluginRun[];
}

/** A runner without processes. Like the real one it gives up when the signal is raised, whatever the script is doing. */
export function scriptedPluginRunner(script: PluginScript): ScriptedPluginRunner {
  const runs: PluginRun[] = [];

  async function run(run: PluginRun, signal: AbortSignal): Promise<PluginReport> {
    if (run.type === "" || /[/\0]/.test(run.type)) {
      throw new PlexusError("invalid-config", `"${run.type}" cannot be the type of a plugin`);
    }
    if (signal.aborted) throw stopped(run.type);
    runs.push(run);
    const report = await Promise.race([script(run, signal), rejectionOf(signal, run.type)]);
    if (report !== undefined) return report;
    throw new PlexusError(
      "delegate-missing",
      `failed to find plugin "${run.type}" in path [${run.searchPath.join(" ")}]`,
    );
  }

  return { runs, run };
}

/** How a plugin ends well: status 0 and a result. */
export function succeeds(stdout = ""): PluginReport {
  return report({ stdout });
}

/** How a plugin refuses: a status, and its error document on stdout. */
export function fails(stdout: string, status = 1): PluginReport {
  return report({ stdout, ending: { how: "exited", status } });
}

export function report(parts: Partial<PluginReport>): PluginReport {
  return {
    ending: { how: "exited", status: 0 },
    stdout: "",
    stderr: "",
    wallMs: 1,
    cpuMs: 1,
    maxRssKib: 1024,
    ...parts,
  };
}

function rejectionOf(signal: AbortSignal, type: string): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(stopped(type)), { once: true });
  });
}

function stopped(type: string): PlexusError {
  return new PlexusError("try-again-later", `plugin "${type}" was stopped because the request was given up`);
}
