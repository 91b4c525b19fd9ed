import { PlexusError } from "../../domain/errors.ts";
import { startOneLauncher } from "./one-launcher.ts";
import type { OneLauncher, OneLauncherOptions } from "./one-launcher.ts";
import type { Reply, Request } from "./wire.ts";

export type LauncherState =
  | { readonly up: true; readonly pid: number | undefined }
  | {
      readonly up: false;
      readonly why: string;
      /** For how long none has taken requests, in milliseconds. */
      readonly forMs: number;
    };

export interface SupervisedLauncher {
  state(): LauncherState;
  /** Like a launcher's own `ask`, but waits for a launcher if there is none, at most as long as the request itself may take. */
  ask(request: Request, signal: AbortSignal): Promise<Reply>;
  /** Ends the launcher and what it runs. Whatever is asked from then on is refused. */
  stop: () => Promise<void>;
}

export interface SupervisedLauncherOptions extends OneLauncherOptions {
  /** A launcher ended unasked, and another is started. */
  readonly onRestart: (reason: string) => void;
}

/** A launcher that ends sooner than this after its start has ended at once. */
const QUICK_END_MS = 1000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** How long a launcher may take to end once it has been asked to. */
const STOP_CEILING_MS = 5000;

/** Keeps one launcher running: starts it, and starts another whenever it ends. */
export function superviseLauncher(options: SupervisedLauncherOptions): SupervisedLauncher {
  let arrival = nextArrival();
  let current: OneLauncher | undefined;
  let state: { readonly up: true; readonly pid: number | undefined } | { readonly up: false; readonly why: string } = {
    up: false,
    why: "it is being started",
  };
  let downSince = performance.now();
  let quickEnds = 0;
  let restart: NodeJS.Timeout | undefined;
  let stopped = false;

  function start(): void {
    const startedAt = performance.now();
    try {
      current = startOneLauncher(options);
    } catch (error) {
      current = undefined;
      startAgain(error instanceof Error ? error.message : String(error), startedAt);
      return;
    }
    const launcher = current;
    void launcher.ready.then(() => {
      state = { up: true, pid: launcher.pid };
      arrival.resolve(launcher);
    });
    void launcher.ended.then((why) => {
      if (state.up) arrival = nextArrival();
      current = undefined;
      startAgain(why, startedAt);
    });
  }

  function startAgain(why: string, startedAt: number): void {
    if (state.up) downSince = performance.now();
    state = { up: false, why };
    if (stopped) return;
    quickEnds = performance.now() - startedAt < QUICK_END_MS ? quickEnds + 1 : 0;
    const pause = quickEnds < 2 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (quickEnds - 2), LONGEST_PAUSE_MS);
    options.onRestart(why);
    restart = setTimeout(start, pause);
  }

  async function ask(request: Request, signal: AbortSignal): Promise<Reply> {
    const launcher = await whenUp(request.timeoutMs, signal);
    return await launcher.ask(request, signal);
  }

  function whenUp(ceilingMs: number, signal: AbortSignal): Promise<OneLauncher> {
    if (stopped) return Promise.reject(shuttingDown());
    if (state.up && current !== undefined) return Promise.resolve(current);
    return new Promise((resolve, reject) => {
      const refuse = () => {
        const why = state.up ? "" : `: ${state.why}`;
        reject(new PlexusError("try-again-later", `the process that runs plugins is not running${why}`));
      };
      const ceiling = setTimeout(refuse, ceilingMs);
      signal.addEventListener("abort", refuse, { once: true });
      if (signal.aborted) refuse();
      void arrival.promise.then(resolve, reject).finally(() => {
        clearTimeout(ceiling);
        signal.removeEventListener("abort", refuse);
      });
    });
  }

  async function stop(): Promise<void> {
    stopped = true;
    clearTimeout(restart);
    arrival.reject(shuttingDown());
    if (current === undefined) return;
    const launcher = current;
    launcher.close();
    const ceiling = setTimeout(() => launcher.giveUp("it did not end when it was asked to"), STOP_CEILING_MS);
    await launcher.ended;
    clearTimeout(ceiling);
  }

  start();
  return {
    state: () => (state.up ? state : { ...state, forMs: performance.now() - downSince }),
    ask,
    stop,
  };
}

function nextArrival(): PromiseWithResolvers<OneLauncher> {
  const arrival = Promise.withResolvers<OneLauncher>();
  // Nobody may be waiting for it when the daemon stops.
  arrival.promise.catch(() => undefined);
  return arrival;
}

function shuttingDown(): PlexusError {
  return new PlexusError("try-again-later", "the daemon is shutting down and runs no more plugins");
}
