/** The gRPC service Cni: each verb from the wire to its operation and back, with one log line. */
import { type sendUnaryData, type ServerUnaryCall, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { CniVerb } from "../domain/cni/verb.ts";
import { PlexusError } from "../domain/errors.ts";
import type { JsonText } from "../domain/json/json-object.ts";
import type { NodeSettings } from "../domain/origin.ts";
import type { AddRequest } from "../operations/add.ts";
import type { CheckRequest } from "../operations/check.ts";
import type { DelRequest } from "../operations/del.ts";
import type { GcRequest } from "../operations/gc.ts";
import type { PluginTrace, Scope } from "../operations/scope.ts";
import type { StatusRequest } from "../operations/status.ts";
import { callScope } from "./call-scope.ts";
import {
  type CniRequest,
  cniRequest,
  requestIdOf,
  requiredIfName,
  requiredNetns,
  requiredSandbox,
  type WireRequest,
  wireRequest,
} from "./cni-request.ts";

export interface Operations {
  add(request: AddRequest, scope: Scope): Promise<JsonText>;
  del(request: DelRequest, scope: Scope): Promise<void>;
  check(request: CheckRequest, scope: Scope): Promise<void>;
  status(request: StatusRequest, scope: Scope): Promise<void>;
  gc(request: GcRequest, scope: Scope): Promise<void>;
}

export interface CniServiceDeps {
  readonly operations: Operations;
  readonly log: Logger;
  readonly node: NodeSettings;
  /** No operation runs longer, whatever its caller says. */
  readonly operationTimeoutMs: number;
  /** A name for a request whose caller gave it none. */
  readonly newRequestId: () => string;
}

type Handler = (wire: WireRequest, scope: Scope) => Promise<JsonText | undefined>;

/** CniReply as proto-loader takes it. */
interface WireReply {
  readonly result?: Buffer;
  readonly error?: { readonly code: number; readonly msg: string; readonly details: string };
}

export function cniService(deps: CniServiceDeps): UntypedServiceImplementation {
  const { operations, node } = deps;
  const parse = (wire: WireRequest): CniRequest => cniRequest(wire, node);
  return {
    Add: answer(deps, "ADD", (wire, scope) => {
      const ids = { sandbox: requiredSandbox(wire), netns: requiredNetns(wire), ifName: requiredIfName(wire) };
      return operations.add({ ...parse(wire), ...ids }, scope);
    }),
    Del: answer(deps, "DEL", async (wire, scope) => {
      const { netns, netnsMayBeHosts, ...origin } = parse(wire);
      const ids = { sandbox: requiredSandbox(wire), ifName: requiredIfName(wire) };
      await operations.del({ ...ids, netns, netnsMayBeHosts, origin }, scope);
      return undefined;
    }),
    Check: answer(deps, "CHECK", async (wire, scope) => {
      parse(wire);
      const ids = { sandbox: requiredSandbox(wire), netns: requiredNetns(wire), ifName: requiredIfName(wire) };
      await operations.check(ids, scope);
      return undefined;
    }),
    Status: answer(deps, "STATUS", async (wire, scope) => {
      await operations.status(parse(wire), scope);
      return undefined;
    }),
    Gc: answer(deps, "GC", async (wire, scope) => {
      await operations.gc(parse(wire), scope);
      return undefined;
    }),
  };
}

function answer(deps: CniServiceDeps, verb: CniVerb, handle: Handler) {
  return (call: ServerUnaryCall<unknown, WireReply>, callback: sendUnaryData<WireReply>): void => {
    void respond(deps, verb, handle, call).then(
      (reply) => {
        callback(null, reply);
      },
      (thrown: unknown) => {
        deps.log.error({ op: verb, err: thrown }, "bug: a call could not be answered");
        callback({ code: status.INTERNAL, details: "internal error; the daemon's log has it" });
      },
    );
  };
}

async function respond(
  deps: CniServiceDeps,
  verb: CniVerb,
  handle: Handler,
  call: ServerUnaryCall<unknown, WireReply>,
): Promise<WireReply> {
  const wire = wireRequest(call.request);
  const log = deps.log.child({
    op: verb,
    request: requestIdOf(wire) ?? deps.newRequestId(),
    sandbox: wire.containerId.slice(0, 200),
    ifName: wire.ifname.slice(0, 15),
  });
  const plugins: PluginTrace[] = [];
  const warn = (message: string): void => {
    log.warn(message);
  };
  const { signal, close } = callScope(call, deps.operationTimeoutMs);
  const began = performance.now();
  const facts = (): object => ({ ms: tenths(performance.now() - began), plugins: plugins.map(logged) });
  try {
    const result = await handle(wire, { signal, trace: (run) => plugins.push(run), warn });
    log.info(facts(), "done");
    return { result: Buffer.from(result ?? "") };
  } catch (thrown) {
    const error = PlexusError.from(thrown);
    const { kind, code, message, details } = error;
    const entry = { ...facts(), kind, code, details, ...(kind === "internal" && { err: error.cause ?? error }) };
    log[kind === "internal" ? "error" : "warn"](entry, message);
    return { error: { code, msg: message, details: details ?? "" } };
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
