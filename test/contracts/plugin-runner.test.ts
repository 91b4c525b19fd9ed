import { setTimeout as pause } from "node:timers/promises";
import { PlexusError } from "../../daemon/domain/errors.ts";
import type { PluginReport, PluginRun } from "../../daemon/ports/plugin-runner.ts";
import { makeWorkbench } from "../adapters/launcher/workbench.ts";
import { fails, report, scriptedPluginRunner } from "../fakes/scripted-plugin-runner.ts";
import type { PluginScript } from "../fakes/scripted-plugin-runner.ts";
import { pluginRunnerContract } from "./plugin-runner.contract.ts";

const DIRECTORY = "/plugins";

const plugins: Readonly<Record<string, PluginScript>> = {
  echoes: (run) => report({ stdout: run.stdin, stderr: environment(run) }),
  fails: () => fails("refused\n", 3),
  crashes: () => report({ ending: { how: "killed", signal: 11 } }),
  hangs: (_run, signal) => pause(60_000, undefined, { signal, ref: false }),
  floods: () => {
    throw new PlexusError("delegate-failed", "too much output");
  },
};

const script: PluginScript = (run, signal) =>
  run.searchPath.includes(DIRECTORY) ? plugins[run.type]?.(run, signal) : undefined;

async function lateScript(): Promise<PluginReport> {
  await pause(1);
  throw new PlexusError("delegate-timed-out", "too late");
}

function environment(run: PluginRun): string {
  return Object.entries(run.env)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

pluginRunnerContract("scripted", () => ({
  runner: scriptedPluginRunner(script),
  hasty: scriptedPluginRunner(lateScript),
  directory: DIRECTORY,
  nowhere: "/nowhere",
  clear: async () => undefined,
}));

pluginRunnerContract("launcher", () => {
  const bench = makeWorkbench();
  return {
    runner: bench.launch().runner,
    hasty: bench.launch({ pluginTimeoutMs: 200 }).runner,
    directory: bench.plugins,
    nowhere: `${bench.directory}/nowhere`,
    clear: bench.clear,
  };
});
