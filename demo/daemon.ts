/** Starts and ends the daemon, and reads its log. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

/** One plugin run, as the daemon logs it. */
export interface PluginRun {
  readonly ifName: string;
  readonly network: string;
  readonly plugin: string;
  readonly ok: boolean;
  readonly ms: number;
}

/** The line that every operation leaves in the log. */
export interface OperationLine {
  readonly op: string;
  readonly ms: number;
  readonly plugins: readonly PluginRun[];
}

interface LogLine extends Partial<OperationLine> {
  readonly level: number;
  readonly msg: string;
  readonly startMs?: number;
}

const WARN = 40;
const CONFIG_FILE = "/run/plexus-demo/daemon.json";
const deadlineMs = 10_000;

export interface Daemon {
  /** From its start until it was ready, by its own account. */
  readonly startMs: number;
  /** Resolves with the line of the first operation of this kind, as soon as it is there. */
  operation(verb: string): Promise<OperationLine>;
  /** As a crash or the kernel's out-of-memory killer would. */
  kill(): Promise<void>;
  /** As systemd or kubelet would. */
  stop(): Promise<void>;
}

/** Everything but where to find manifests and flannel is left as it is by default. */
export async function writeConfig(root: string): Promise<void> {
  await mkdir(dirname(CONFIG_FILE));
  const config = { manifestDir: join(root, "demo/manifests"), binDir: join(root, ".cache/flannel") };
  await writeFile(CONFIG_FILE, JSON.stringify(config));
}

/** Resolves when it is ready. */
export async function startDaemon(root: string): Promise<Daemon> {
  const child = spawn(join(root, "dist/plexus-daemon"), ["--config", CONFIG_FILE], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE: process.execPath },
  });
  const ended = new AbortController();
  child.once("exit", (status, signal) => {
    ended.abort(new Error(`the daemon ended (${signal ?? `exit ${status}`})${complaints()}`));
  });

  const lines: LogLine[] = [];
  const reader = createInterface(child.stdout).on("line", (line) => {
    lines.push(JSON.parse(line) as LogLine);
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const complaints = (): string => {
    const warnings = lines.filter(({ level }) => level >= WARN).map((line) => `\n${JSON.stringify(line)}`);
    return warnings.join("") + (stderr === "" ? "" : `\n${stderr.trimEnd()}`);
  };

  const logged = async <Line extends LogLine>(what: string, fits: (line: LogLine) => line is Line): Promise<Line> => {
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(deadlineMs)]);
    try {
      for (;;) {
        const found = lines.find(fits);
        if (found !== undefined) return found;
        await once(reader, "line", { signal });
      }
    } catch (thrown) {
      if (ended.signal.aborted) throw ended.signal.reason;
      throw new Error(`the daemon's log has no line "${what}"${complaints()}`, { cause: thrown });
    }
  };
  const end = async (how: NodeJS.Signals): Promise<void> => {
    const exit = once(child, "exit", { signal: AbortSignal.timeout(deadlineMs) });
    child.kill(how);
    await exit;
    const asWished = how === "SIGKILL" ? child.signalCode === how : child.exitCode === 0;
    if (!asWished) throw ended.signal.reason;
  };

  const { startMs } = await logged(
    "ready",
    (line): line is LogLine & { startMs: number } => line.startMs !== undefined,
  );
  return {
    startMs,
    operation: (verb) => logged(verb, (line): line is LogLine & OperationLine => line.op === verb && "plugins" in line),
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
  };
}
