/** The gRPC service Cni: each verb from the wire to its operation and back, with one log line. */
import type { CniVerb } from "../domain/cni/verb.ts";
import type { JsonText } from "../domain/json/json-object.ts";
import type { NodeSettings } from "../domain/origin.ts";
import type { AddRequest } from "../operations/verbs/add.ts";
import type { CheckRequest } from "../operations/verbs/check.ts";
import type { DelRequest } from "../operations/verbs/del.ts";
import type { GcRequest } from "../operations/verbs/gc.ts";
import type { Scope } from "../operations/scope.ts";
import type { StatusRequest } from "../operations/verbs/status.ts";
import type { Caller } from "./call-scope.ts";
import {
  type CniRequest,
  cniRequest,
  requestIdOf,
  requiredIfName,
  requiredNetns,
  requiredSandbox,
  type WireRequest,
} from "./cni-request.ts";
import { decodeRequest, encodeReply, type WireReply } from "./cni-messages.ts";
import { type OperationDeps, type OperationSubject, runOperation } from "./run-operation.ts";
import { GrpcCode } from "./wire/grpc-code.ts";
import { CallFailure, type UnaryMethod } from "./wire/unary-server.ts";

export interface Operations {
  add(request: AddRequest, scope: Scope): Promise<JsonText>;
  del(request: DelRequest, scope: Scope): Promise<void>;
  check(request: CheckRequest, scope: Scope): Promise<void>;
  status(request: StatusRequest, scope: Scope): Promise<void>;
  gc(request: GcRequest, scope: Scope): Promise<void>;
}

export interface CniServiceDeps extends OperationDeps {
  readonly operations: Operations;
  readonly node: NodeSettings;
}

type Handler = (wire: WireRequest, scope: Scope) => Promise<JsonText | undefined>;

/** The methods of plexus.v1.Cni by their paths. */
export function cniService(deps: CniServiceDeps): ReadonlyMap<string, UnaryMethod> {
  const { operations, node } = deps;
  const parse = (wire: WireRequest): CniRequest => cniRequest(wire, node);
  const handlers = {
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
    Status: answer(
      deps,
      "STATUS",
      async (wire, scope) => {
        await operations.status(parse(wire), scope);
        return undefined;
      },
      changesOnly(),
    ),
    Gc: answer(deps, "GC", async (wire, scope) => {
      await operations.gc(parse(wire), scope);
      return undefined;
    }),
  };
  return new Map(Object.entries(handlers).map(([method, handle]) => [`/plexus.v1.Cni/${method}`, handle]));
}

/** Whether an outcome differs from the one before it. containerd asks for STATUS every 5 s: 17,000 times a day. */
function changesOnly(): (outcome: string) => boolean {
  let last = "";
  return (outcome) => {
    const isNew = outcome !== last;
    last = outcome;
    return isNew;
  };
}

function answer(
  deps: CniServiceDeps,
  verb: CniVerb,
  handle: Handler,
  isNews?: OperationSubject["isNews"],
): UnaryMethod {
  return async (message, caller) => {
    const wire = decodeRequest(message);
    if (wire === undefined) throw new CallFailure(GrpcCode.invalidArgument, "the message is no plexus.v1.CniRequest");
    return encodeReply(await respond(deps, verb, handle, wire, caller, isNews));
  };
}

async function respond(
  deps: CniServiceDeps,
  verb: CniVerb,
  handle: Handler,
  wire: WireRequest,
  caller: Caller,
  isNews: OperationSubject["isNews"],
): Promise<WireReply> {
  const subject = {
    operation: verb,
    requestId: requestIdOf(wire),
    sandbox: wire.containerId,
    ifName: wire.ifname,
    isNews,
  };
  const answered = await runOperation(deps, subject, caller, (scope) => handle(wire, scope));
  const failed = "error" in answered;
  // As Multus counts what comes from its own executable.
  deps.meters.answered("/cni", "post", failed ? 400 : 200);
  if (!failed) return { result: Buffer.from(answered.result ?? "") };
  const { code, message, details } = answered.error;
  return { error: { code, msg: message, details: details ?? "" } };
}
