import { PlexusError } from "../../domain/errors.ts";
import type { NetConf } from "../../domain/netconf.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ConfFiles } from "../../ports/conf-files.ts";

const INTERVAL_MS = 1_000;
const LONGEST_MS = 45_000;

export interface DefaultNetworkDeps {
  readonly confFiles: ConfFiles;
  readonly clock: Clock;
}

export type AwaitDefaultNetwork = ReturnType<typeof makeAwaitDefaultNetwork>;

export function makeAwaitDefaultNetwork(deps: DefaultNetworkDeps) {
  return (
    netConf: Pick<NetConf, "readinessIndicatorFile">,
    signal: AbortSignal,
    otherwise: "try-again-later" | "not-available",
  ): Promise<void> => awaitDefaultNetwork(deps, netConf, signal, otherwise);
}

/**
 * Waits for the file by which the default network says that it is ready, if there is to be one (spec §1.2).
 * @param otherwise what the failure is, when it is not there in time or nobody waits any more
 */
export async function awaitDefaultNetwork(
  { confFiles, clock }: DefaultNetworkDeps,
  { readinessIndicatorFile: file }: Pick<NetConf, "readinessIndicatorFile">,
  signal: AbortSignal,
  otherwise: "try-again-later" | "not-available",
): Promise<void> {
  if (file === undefined) return;
  const until = clock.monotonic() + LONGEST_MS;
  while (!(await confFiles.isThere(file))) {
    if (signal.aborted || clock.monotonic() >= until) {
      throw new PlexusError(
        otherwise,
        `have you checked that your default network is ready? still waiting for readinessindicatorfile @ ${file}`,
        { details: "the default network's plugin writes it when it is up; see that plugin's pod on this node" },
      );
    }
    await clock.sleep(INTERVAL_MS, signal);
  }
}
