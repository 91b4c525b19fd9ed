/** Multus' HTTP API, as far as others than its own executable use it (spec §7.2): multus-dynamic-networks-controller. */
import { PlexusError } from "../domain/errors.ts";
import type { JsonText } from "../domain/json/json-object.ts";
import type { NodeSettings } from "../domain/origin.ts";
import type { HotPlugOperations } from "../operations/verbs/hot-plug.ts";
import type { Condition, Readiness } from "../operations/observability/readiness.ts";
import type { Scope } from "../operations/scope.ts";
import { type DelegateCall, delegateCall, netnsOf } from "./delegate-request.ts";
import type { HttpReply, Routes } from "./http-server.ts";
import { HEALTHZ, readyRoute } from "./probe-routes.ts";
import { type OperationDeps, runOperation } from "./run-operation.ts";

export interface DelegateRoutesDeps extends OperationDeps {
  readonly delegate: HotPlugOperations;
  readonly readiness: Readiness;
  /** Whether anything new may begin. */
  readonly open: Condition;
  readonly node: NodeSettings;
}

export function delegateRoutes(deps: DelegateRoutesDeps): Routes {
  return {
    "/delegate": {
      methods: ["POST"],
      handle: async (body, caller) => {
        let call: DelegateCall;
        try {
          call = delegateCall(body, deps.node);
        } catch (thrown) {
          return refusal(PlexusError.from(thrown));
        }
        const { verb, sandbox, ifName } = call;
        const subject = { operation: `DELEGATE_${verb}`, sandbox, ifName } as const;
        const answer = await runOperation(deps, subject, caller, (scope) => run(deps, call, scope));
        if ("error" in answer) return refusal(answer.error);
        if (answer.result === undefined) return { status: 200 };
        return { status: 200, type: JSON_TYPE, body: `{"Result":${answer.result}}` };
      },
    },
    "/cni": {
      methods: ["POST"],
      handle: () =>
        refusal(
          new PlexusError("incompatible-version", "Multus' own executable is not served here", {
            details: 'use the executable plexus, in the network config: "type": "plexus"',
          }),
        ),
    },
    "/healthz": HEALTHZ,
    "/readyz": readyRoute(deps.readiness),
  };
}

async function run(
  { delegate, open }: DelegateRoutesDeps,
  call: DelegateCall,
  scope: Scope,
): Promise<JsonText | undefined> {
  const request = call.request();
  switch (call.verb) {
    case "ADD":
      await open();
      return delegate.add({ ...request, netns: netnsOf(request) }, scope);
    case "DEL":
      await delegate.del(request, scope);
      return undefined;
    case "CHECK":
      await delegate.check(request, scope);
      return undefined;
    case "STATUS":
      await delegate.status(request, scope);
      return undefined;
  }
}

const JSON_TYPE = "application/json";

function refusal({ code, message, details = "" }: PlexusError): HttpReply {
  return { status: 400, type: JSON_TYPE, body: JSON.stringify({ code, msg: message, details }) };
}
