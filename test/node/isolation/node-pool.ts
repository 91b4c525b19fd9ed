/**
 * Vitest's pool for the tests under test/node/. Each test file runs in a process with network, mount, process and IPC
 * namespaces of its own (empty-node.sh), so it sees nothing of the machine's, nor of another test file's. The kernel
 * ends every process in them when the test file ends, and when vitest ends, SIGKILL included.
 */
import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from "vitest/node";
import { nameControlGroup, removeControlGroups, removeStaleControlGroups } from "./control-groups.ts";

/** The name of the control group that is the test file's, for tests that start containers. */
export const CONTROL_GROUP_VARIABLE = "PLEXUS_TEST_CONTROL_GROUP";

/** How long the process of a test file may take to end by itself. */
const END_MS = 5_000;

const NAMESPACES = ["--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"];

class NodeWorker implements PoolWorker {
  readonly name = "node";
  readonly cacheFs = true;
  readonly #options: PoolOptions;
  readonly #controlGroup = nameControlGroup();
  readonly #events = new EventEmitter();
  #process: ChildProcess | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  on(event: string, callback: (...args: unknown[]) => void): void {
    this.#events.on(event, callback);
  }

  off(event: string, callback: (...args: unknown[]) => void): void {
    this.#events.off(event, callback);
  }

  send(message: WorkerRequest): void {
    this.#process?.send(message, (error) => {
      if (error !== null) this.#events.emit("error", error);
    });
  }

  deserialize(data: unknown): unknown {
    return data;
  }

  async start(): Promise<void> {
    await removeStaleControlGroups();
    const { distPath, env, execArgv, project } = this.#options;
    const root = project.vitest.config.root;
    const script = join(import.meta.dirname, "empty-node.sh");
    const inside = ["sh", script, root, tmpdir(), process.execPath, ...execArgv];
    const child = fork(join(distPath, "workers/forks.js"), [], {
      cwd: root,
      env: { ...env, [CONTROL_GROUP_VARIABLE]: this.#controlGroup },
      // The kernel kills unshare when vitest ends, and with it the namespaces' init (--kill-child).
      execPath: "setpriv",
      execArgv: ["--pdeathsig", "KILL", "unshare", ...NAMESPACES, ...inside],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    this.#process = child;
    for (const event of ["message", "exit", "error"]) {
      child.on(event, (...args: unknown[]) => this.#events.emit(event, ...args));
    }
  }

  /** Resolves when all processes of the test file have ended. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
      await exit;
      clearTimeout(timer);
    }
    await removeControlGroups(this.#controlGroup);
  }
}

export const nodePool: PoolRunnerInitializer = {
  name: "node",
  createPoolWorker: (options) => new NodeWorker(options),
};
