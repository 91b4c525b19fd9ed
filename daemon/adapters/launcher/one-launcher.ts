import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { PlexusError } from "../../domain/errors.ts";
import { createReplyDecoder, encodeCancel, encodeRequest, whyUnsendable, WIRE_VERSION } from "./wire.ts";
import type { Reply, Request } from "./wire.ts";

/** Where plugins run, and where their paths and those of network namespaces are looked up. */
export type PluginHost =
  /** In the daemon's own mount namespace and root. */
  | { readonly how: "here" }
  /** In the mount namespace that `path` opens, such as /proc/1/ns/mnt. */
  | { readonly how: "mount-namespace"; readonly path: string }
  /** With the directory `path` as root. */
  | { readonly how: "root"; readonly path: string };

export interface OneLauncherOptions {
  /** The plexus-launcher executable. */
  readonly binary: string;
  readonly host: PluginHost;
}

/** One launcher process, from its start to its end. */
export interface OneLauncher {
  readonly pid: number | undefined;
  /** Resolves when it takes requests; stays pending if it never does. */
  readonly ready: Promise<undefined>;
  /** Why it ended. Every request has been settled by then. */
  readonly ended: Promise<string>;
  /**
   * Resolves with the last reply to the request. Raising the signal kills its process group, and the reply says so.
   * Rejects with `try-again-later` if the launcher ends first, and `invalid-config` if the request is too large for it.
   */
  ask(request: Request, signal: AbortSignal): Promise<Reply>;
  /** Asks it to end, which kills what it runs. */
  close(): void;
  /** Ends it without asking. */
  giveUp(why: string): void;
}

/** How long after a deadline or a cancellation its reply may take: the launcher itself waits 5 s for a killed process to go. */
const REPLY_SLACK_MS = 10_000;

/** How long after a launcher's exit its last words may take to be read. */
const LAST_WORDS_MS = 1000;

interface Waiting {
  /** The process group that serves the request, once there is one. */
  group: number | undefined;
  readonly settle: (outcome: Reply | PlexusError) => void;
}

/** Must be called on the main thread: the kernel ends a launcher with the thread that started it. */
export function startOneLauncher(options: OneLauncherOptions): OneLauncher {
  const child = spawn(options.binary, hostArguments(options.host), { env: {}, stdio: ["pipe", "pipe", "pipe"] });
  const ready = Promise.withResolvers<undefined>();
  const ended = Promise.withResolvers<string>();
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let over: string | undefined;
  let lastLine = "";

  function end(why: string): void {
    if (over !== undefined) return;
    over = why;
    // A launcher that was killed had no time to kill. The groups it led are still known here.
    for (const { group } of waiting.values()) if (group !== undefined) killGroup(group);
    for (const { settle } of waiting.values()) settle(gone(why));
    ended.resolve(why);
  }

  function giveUp(why: string): void {
    child.kill("SIGKILL");
    end(why);
  }

  function take(reply: Reply): void {
    if (reply.kind === "ready") {
      if (reply.code === WIRE_VERSION) ready.resolve(undefined);
      else giveUp(`it speaks version ${reply.code} of the wire format and the daemon ${WIRE_VERSION}`);
      return;
    }
    const request = waiting.get(reply.id);
    if (request === undefined) return;
    if (reply.kind === "started") request.group = reply.code;
    else request.settle(reply);
  }

  function ask(request: Request, signal: AbortSignal): Promise<Reply> {
    if (over !== undefined) return Promise.reject(gone(over));
    if (signal.aborted) return Promise.reject(new PlexusError("try-again-later", "the request was given up"));
    lastId = (lastId % 0xffff_ffff) + 1;
    const id = lastId;
    const frame = encodeRequest(id, request);
    const unsendable = whyUnsendable(frame);
    if (unsendable !== undefined) {
      return Promise.reject(new PlexusError("invalid-config", `the request cannot be passed on: ${unsendable}`));
    }
    return new Promise((resolve, reject) => {
      let patience = setTimeout(hung, request.timeoutMs + REPLY_SLACK_MS);
      function hung(): void {
        giveUp("it stopped answering");
      }
      function cancel(): void {
        child.stdin.write(encodeCancel(id));
        clearTimeout(patience);
        patience = setTimeout(hung, REPLY_SLACK_MS);
      }
      function settle(outcome: Reply | PlexusError): void {
        waiting.delete(id);
        clearTimeout(patience);
        signal.removeEventListener("abort", cancel);
        if (outcome instanceof PlexusError) reject(outcome);
        else resolve(outcome);
      }
      waiting.set(id, { group: undefined, settle });
      signal.addEventListener("abort", cancel, { once: true });
      child.stdin.write(frame);
    });
  }

  child.once("error", (error) => end(error.message));
  if (child.pid !== undefined) {
    const decode = createReplyDecoder();
    child.stdout.on("data", (chunk: Buffer) => {
      try {
        decode(chunk).forEach(take);
      } catch (error) {
        giveUp(`it said something unintelligible: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
    // It says nothing but why it must end.
    createInterface(child.stderr).on("line", (line) => (lastLine = line));
    // That the launcher has gone shows in its exit, which says why.
    child.stdin.on("error", () => undefined);
    child.once("exit", (status, signal) => {
      const how = signal === null ? `it ended with status ${status}` : `it was killed by ${signal}`;
      const finish = () => end(lastLine === "" ? how : `${how}: ${lastLine}`);
      const ceiling = setTimeout(finish, LAST_WORDS_MS);
      child.once("close", () => {
        clearTimeout(ceiling);
        finish();
      });
    });
  }

  return {
    pid: child.pid,
    ready: ready.promise,
    ended: ended.promise,
    ask,
    close: () => {
      // Without a process there need not be pipes either, and its end is on its way.
      if (child.pid !== undefined) child.stdin.end();
    },
    giveUp,
  };
}

function hostArguments(host: PluginHost): readonly string[] {
  if (host.how === "mount-namespace") return ["--mntns", host.path];
  if (host.how === "root") return ["--chroot", host.path];
  return [];
}

function gone(why: string): PlexusError {
  return new PlexusError("try-again-later", `the process that runs plugins ended: ${why}`, {
    details: "it is started anew; the next attempt finds it running",
  });
}

function killGroup(group: number): void {
  // 0 and 1 would mean this process's own group and every process there is.
  if (group < 2) return;
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // Gone already, which is what was wanted.
  }
}
