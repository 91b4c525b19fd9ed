/** A daemon to be killed: node doomed-daemon.ts LAUNCHER PLUGINS PIDS. It runs the plugin `hangs` and prints the launcher's number. */
import { setInterval } from "node:timers";
import { startLauncher } from "../../../daemon/adapters/launcher/launcher.ts";

const [binary = "", plugins = "", pids = ""] = process.argv.slice(2);
const launcher = startLauncher({
  binary,
  host: { how: "here" },
  maxRunning: 1,
  pluginTimeoutMs: 60_000,
  maxOutputBytes: 1000,
  onRestart: () => undefined,
});
const run = { type: "hangs", searchPath: [plugins], env: { PIDS: pids }, stdin: "" };
launcher.runner.run(run, new AbortController().signal).catch(() => undefined);

const poll = setInterval(() => {
  const state = launcher.state().launcher;
  if (!state.up) return;
  clearInterval(poll);
  process.stdout.write(`${String(state.pid)}\n`);
}, 5);
