import { isAtLeast } from "../domain/cni/version.ts";
import type { NetConf } from "../domain/netconf.ts";
import { type DelegateDeps, findDelegates } from "./find-delegates.ts";
import type { ConflistRunner } from "./run-conflist.ts";
import type { Scope } from "./scope.ts";
import { type ReadinessDeps, waitUntilReady } from "./wait-until-ready.ts";

export interface StatusRequest {
  readonly netConf: NetConf;
  readonly searchPath: readonly string[];
}

export interface StatusDeps extends DelegateDeps, ReadinessDeps {
  readonly conflists: ConflistRunner;
  /** Rejects while the sources of pods and networks are not there yet. */
  readonly refuseUnlessSynced: () => void;
}

/**
 * Whether an ADD would have a chance: our own sources are there, the default network is ready, and its plugins say so.
 * Plugins older than CNI 1.1.0 cannot be asked (spec §1.7).
 */
export function makeStatus(deps: StatusDeps): (request: StatusRequest, scope: Scope) => Promise<void> {
  return async ({ netConf, searchPath }, scope) => {
    deps.refuseUnlessSynced();
    await waitUntilReady(deps, netConf, scope.signal, "not-available");
    const [network] = await findDelegates(deps, netConf, undefined, scope);
    if (!isAtLeast(network.conflist.version, "1.1.0")) return;
    await deps.conflists.status(network, searchPath, scope);
  };
}
