import { isAtLeast } from "../../domain/cni/version.ts";
import type { NetConf } from "../../domain/netconf.ts";
import { type DelegateDeps, findDefault } from "../planning/find-delegates.ts";
import type { ConflistRunner } from "../attachments/run-conflist.ts";
import type { Scope } from "../scope.ts";
import type { AwaitDefaultNetwork } from "./await-default-network.ts";

export interface StatusRequest {
  readonly netConf: NetConf;
  readonly searchPath: readonly string[];
}

export interface StatusDeps extends DelegateDeps {
  readonly awaitDefaultNetwork: AwaitDefaultNetwork;
  readonly conflists: ConflistRunner;
  /** Rejects while no ADD can succeed: with `not-available`, or `try-again-later` while the daemon starts or stops. */
  readonly refuseUnlessAble: () => Promise<void>;
}

/**
 * Whether an ADD would have a chance: we are ready ourselves, the default network is, and its plugins say so.
 * Plugins older than CNI 1.1.0 cannot be asked (spec §1.7).
 */
export function makeStatus(deps: StatusDeps): (request: StatusRequest, scope: Scope) => Promise<void> {
  return async ({ netConf, searchPath }, scope) => {
    await deps.refuseUnlessAble();
    await deps.awaitDefaultNetwork(netConf, scope.signal, "not-available");
    const network = await findDefault(deps, netConf, scope);
    if (network === undefined || !isAtLeast(network.conflist.version, "1.1.0")) return;
    await deps.conflists.status(network, searchPath, scope);
  };
}
