/** What every operation gets around it, by whatever door it came in: one line in the log, its measurements, and an answer that is no exception. */
import type { Logger } from "pino";
import { PlexusError } from "../domain/errors.ts";
import type { JsonText } from "../domain/json/json-object.ts";
import type { Scope } from "../operations/scope.ts";
import type { PluginTrace } from "../ports/plugin-trace.ts";
import type { Meters, OperationName } from "../ports/meters.ts";
import { callScope, type Caller } from "./call-scope.ts";

export interface OperationDeps {
  readonly log: Logger;
  readonly meters: Meters;
  /** No operation runs longer, whatever its caller says. */
  readonly operationTimeoutMs: number;
  /** A name for a request whose caller gave it none. */
  readonly newRequestId: () => string;
}

/** For the log; nothing here is trusted. */
export interface OperationSubject {
  readonly operation: OperationName;
  readonly requestId?: string | undefined;
  readonly sandbox: string;
  readonly ifName: string;
  /** Whether an outcome, told by a short text, is worth more than a line at debug; every outcome is unless this is set. */
  readonly isNews?: ((outcome: string) => boolean) | undefined;
}

export type Answer = { readonly result: JsonText | undefined } | { readonly error: PlexusError };

export async function runOperation(
  deps: OperationDeps,
  { operation, requestId, sandbox, ifName, isNews = () => true }: OperationSubject,
  caller: Caller,
  work: (scope: Scope) => Promise<JsonText | undefined>,
): Promise<Answer> {
  const log = deps.log.child({
    op: operation,
    request: requestId ?? deps.newRequestId(),
    sandbox: sandbox.slice(0, 200),
    ifName: ifName.slice(0, 15),
  });
  const runs: PluginTrace[] = [];
  const warn = (message: string): void => {
    log.warn(message);
  };
  const { signal, close } = callScope(caller, deps.operationTimeoutMs);
  const began = performance.now();
  const ends = deps.meters.begins(operation);
  const facts = (): object => ({ ms: tenths(performance.now() - began), plugins: runs.map(logged) });
  try {
    const result = await work({ signal, trace: (run) => runs.push(run), warn });
    log[isNews("done") ? "info" : "debug"](facts(), "done");
    ends({ ms: performance.now() - began, runs });
    return { result };
  } catch (thrown) {
    const error = PlexusError.from(thrown);
    const { kind, code, message, details } = error;
    const entry = { ...facts(), kind, code, details, ...(kind === "internal" && { err: error.cause ?? error }) };
    const level = isNews(`${code} ${message}`) ? "warn" : "debug";
    log[kind === "internal" ? "error" : level](entry, message);
    ends({ failure: error, ms: performance.now() - began, runs });
    return { error };
  } finally {
    close();
  }
}

function logged({ verb, network, ifName, plugin, ok, wallMs, cpuMs, maxRssKib }: PluginTrace): object {
  return { verb, network, ifName, plugin, ok, ms: tenths(wallMs), cpuMs: tenths(cpuMs), rssKib: maxRssKib };
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
