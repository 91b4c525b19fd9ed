import { isAtLeast } from "../domain/cni/version.ts";
import { JsonObject } from "../domain/json/json-object.ts";
import type { NetConf } from "../domain/netconf.ts";
import { inlineConflists } from "../domain/plan.ts";
import type { ConflistRunner } from "./run-conflist.ts";
import type { Scope } from "./scope.ts";

export interface StatusRequest {
  readonly netConf: NetConf;
  readonly searchPath: readonly string[];
}

/** Asks the default network's plugins whether an ADD would have a chance. Those older than CNI 1.1.0 cannot be asked (spec §1.7). */
export function makeStatus(conflists: ConflistRunner): (request: StatusRequest, scope: Scope) => Promise<void> {
  return async ({ netConf, searchPath }, scope) => {
    const [conflist] = inlineConflists(netConf);
    if (!isAtLeast(conflist.version, "1.1.0")) return;
    const delegate = { network: conflist.name, conflist, capabilityArgs: JsonObject.empty, cniArgs: "" };
    await conflists.status(delegate, { sandbox: "", netns: "", searchPath, netnsOverride: "" }, scope);
  };
}
