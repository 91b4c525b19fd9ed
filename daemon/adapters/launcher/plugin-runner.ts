import { isAbsolute, join } from "node:path/posix";
import { setTimeout as pause } from "node:timers/promises";
import PQueue from "p-queue";
import { PlexusError } from "../../domain/errors.ts";
import type { PluginEnding, PluginReport, PluginRun, PluginRunner } from "../../ports/plugin-runner.ts";
import { errnoName, PASSING } from "./errno-name.ts";
import type { SupervisedLauncher } from "./supervised-launcher.ts";
import type { Reply, Request } from "./wire.ts";

export interface PluginRunnerOptions {
  /** Plugins that run at the same time; others queue. */
  readonly maxRunning: number;
  /** How long one plugin may take before it is killed. */
  readonly pluginTimeoutMs: number;
  /** What one plugin may write to each of stdout and stderr before it is killed. At most 64 MiB. */
  readonly maxOutputBytes: number;
  /** How long to wait before each further attempt at an executable that is being written. */
  readonly busyPausesMs: readonly number[];
}

export interface QueueingPluginRunner extends PluginRunner {
  load(): { readonly running: number; readonly waiting: number };
}

/** Six seconds in all (spec §4.9), quick at first: an installer that writes in place is mostly done within one. */
export const BUSY_PAUSES_MS: readonly number[] = [50, 100, 200, 400, 800, 1500, 3000];

export function launcherPluginRunner(launcher: SupervisedLauncher, options: PluginRunnerOptions): QueueingPluginRunner {
  const queue = new PQueue({ concurrency: options.maxRunning });

  async function run(run: PluginRun, signal: AbortSignal): Promise<PluginReport> {
    checkRun(run);
    const askedAt = performance.now();
    const reply = await inTurn(queue, signal, run.type, () => runFirstFound(run, signal));
    return {
      ending: endingOf(reply),
      stdout: reply.stdout.toString("utf8"),
      stderr: reply.stderr.toString("utf8"),
      wallMs: performance.now() - askedAt,
      cpuMs: (reply.userUs + reply.systemUs) / 1000,
      maxRssKib: reply.maxRssKib,
    };
  }

  async function runFirstFound(run: PluginRun, signal: AbortSignal): Promise<Reply> {
    // A relative directory would mean one below /, which nobody who wrote it can have had in mind.
    const directories = [...new Set(run.searchPath.filter((directory) => isAbsolute(directory)))];
    for (const directory of directories) {
      const reply = await runOnceWritten(run, join(directory, run.type), signal);
      if (reply !== undefined) return reply;
    }
    const message = `failed to find plugin "${run.type}" in path [${directories.join(" ")}]`;
    throw new PlexusError("delegate-missing", message, {
      details: "install the plugin in one of these directories on the node, or add its directory to the search path",
    });
  }

  /** Undefined if there is no such file. */
  async function runOnceWritten(run: PluginRun, path: string, signal: AbortSignal): Promise<Reply | undefined> {
    const { pluginTimeoutMs: timeoutMs, maxOutputBytes, busyPausesMs } = options;
    const request: Request = { op: "run", path, env: run.env, stdin: run.stdin, timeoutMs, maxOutputBytes };
    for (const pauseMs of [...busyPausesMs, undefined]) {
      const reply = await launcher.ask(request, signal);
      if (reply.kind === "no-such-plugin") return undefined;
      if (reply.kind === "exited" || reply.kind === "killed") return reply;
      const busy = reply.kind === "cannot-execute" && errnoName(reply.code) === "ETXTBSY";
      if (!busy) throw failureOf(reply, run.type, path);
      if (pauseMs !== undefined) await pauseUnless(signal, pauseMs, run.type);
    }
    throw new PlexusError("try-again-later", `plugin ${path} is being written (ETXTBSY)`, {
      details: "whatever installs the plugin should write a new file and rename it into place",
    });
  }

  function failureOf({ kind, code }: Reply, type: string, path: string): PlexusError {
    if (kind === "timed-out") {
      const limit = `${options.pluginTimeoutMs / 1000} s`;
      const message = `plugin "${type}" did not finish within ${limit} and was killed${lingering(code)}`;
      return new PlexusError("delegate-timed-out", message);
    }
    if (kind === "cancelled") return givenUp(type, lingering(code));
    if (kind === "too-much-output") {
      const stream = code === 0 ? "stdout" : "stderr";
      const message = `plugin "${type}" wrote more than ${options.maxOutputBytes} bytes to ${stream} and was killed`;
      return new PlexusError("delegate-failed", message);
    }
    const error = errnoName(code);
    if (kind === "cannot-execute" && !PASSING.has(error)) {
      return new PlexusError("delegate-missing", `plugin ${path} cannot be executed: ${reasonFor(error)}`, {
        details: "install a build of the plugin that fits this node, with its execute permission set",
      });
    }
    return new PlexusError("try-again-later", `plugin "${type}" could not be started: ${error}`);
  }

  return { run, load: () => ({ running: queue.pending, waiting: queue.size }) };
}

function checkRun(run: PluginRun): void {
  if (run.type === "" || /[/\0]/.test(run.type)) {
    throw new PlexusError("invalid-config", `${JSON.stringify(run.type)} cannot be the type of a plugin`, {
      details: "a type is the file name of a plugin, without its directory",
    });
  }
  for (const [name, value] of Object.entries(run.env)) {
    if (name === "" || /[=\0]/.test(name) || value.includes("\0")) {
      throw new PlexusError("invalid-environment", `${JSON.stringify(name)} cannot be passed to plugin "${run.type}"`);
    }
  }
}

/** Given up in the queue, a run leaves at once. Once it has its turn it keeps its place until `task`, which heeds the signal too, is done. */
async function inTurn(queue: PQueue, signal: AbortSignal, type: string, task: () => Promise<Reply>): Promise<Reply> {
  const leave = new AbortController();
  const onAbort = () => leave.abort(givenUp(type));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  const start = () => {
    signal.removeEventListener("abort", onAbort);
    return task();
  };
  return await queue.add(start, { signal: leave.signal });
}

async function pauseUnless(signal: AbortSignal, ms: number, type: string): Promise<void> {
  try {
    await pause(ms, undefined, { signal });
  } catch (error) {
    throw signal.aborted ? givenUp(type) : error;
  }
}

function endingOf(reply: Reply): PluginEnding {
  return reply.kind === "killed" ? { how: "killed", signal: reply.code } : { how: "exited", status: reply.code };
}

function givenUp(type: string, more = ""): PlexusError {
  return new PlexusError("try-again-later", `plugin "${type}" was stopped because the request was given up${more}`);
}

/** `pid` is 0 unless the killed process would not go. */
function lingering(pid: number): string {
  return pid === 0 ? "" : `, but process ${pid} is stuck in the kernel and lingers`;
}

function reasonFor(error: string): string {
  switch (error) {
    case "EACCES":
      return "it has no execute permission, or its file system is mounted noexec (EACCES)";
    case "ENOEXEC":
      return "it is no program this machine can run (ENOEXEC)";
    case "ENOENT":
      return "the interpreter or loader it names does not exist (ENOENT)";
    default:
      return error;
  }
}
