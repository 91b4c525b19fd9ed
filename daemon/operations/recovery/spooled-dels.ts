/**
 * DELs that the executable noted down because no daemon listened, and what comes before what. Clocks do not decide that, for they are set:
 * an ADD first does the DEL that waits for the same sandbox and interface. So whatever waits in the spool was asked for after the last ADD began,
 * and means all that is attached.
 */
import { PlexusError } from "../../domain/errors.ts";
import { isIfName, isSandboxId } from "../../domain/ids.ts";
import { mayBeHosts, type NodeSettings, type Origin, parseOrigin } from "../../domain/origin.ts";
import type { SpooledDel, Spool } from "../../ports/spool.ts";
import type { AddRequest } from "../verbs/add.ts";
import { type DelDeps, delInTurn, type DelRequest } from "../verbs/del.ts";
import type { Scope } from "../scope.ts";

export interface SpooledDelDeps {
  readonly spool: Spool;
  readonly node: NodeSettings;
  readonly del: (request: DelRequest, scope: Scope) => Promise<void>;
}

/** Does the DEL, unless somebody has, and takes it out of the spool. */
export async function doSpooledDel(
  { spool, node, del }: SpooledDelDeps,
  entry: SpooledDel,
  scope: Scope,
): Promise<void> {
  const { id, containerId, ifName, netnsOverride } = entry;
  if (!isSandboxId(containerId) || !isIfName(ifName)) {
    throw new PlexusError("invalid-environment", "its container id or interface name is not valid");
  }
  const isStillWaiting = async (): Promise<boolean> => (await spool.find(containerId, ifName))?.id === id;
  const netnsMayBeHosts = mayBeHosts(netnsOverride);
  // A path below /proc names a process. Its number may be another's by now, and its namespace another sandbox's.
  const given = entry.netns.startsWith("/proc/") ? "" : entry.netns;
  const netns = entry.spooledNetns?.keptAt ?? given;
  await del(
    { sandbox: containerId, ifName, netns, netnsMayBeHosts, isStillWaiting, origin: originOf(node, entry) },
    scope,
  );
  await spool.remove(id);
}

/** What the runtime said of the sandbox then; without it a record that stands is still enough. */
function originOf(node: NodeSettings, entry: SpooledDel): Origin | undefined {
  try {
    return parseOrigin(entry, node);
  } catch {
    return undefined;
  }
}

/** What an ADD does first, when its turn has come. */
export function makeSettle(
  deps: Omit<SpooledDelDeps, "del"> & { readonly del: Omit<DelDeps, "queue"> },
): (request: AddRequest, scope: Scope) => Promise<void> {
  const del = (request: DelRequest, scope: Scope): Promise<void> => delInTurn(deps.del, request, scope);
  return async ({ sandbox, ifName }, scope) => {
    const entry = await deps.spool.find(sandbox, ifName);
    if (entry === undefined) return;
    await doSpooledDel({ ...deps, del }, entry, scope).catch((thrown: unknown) => {
      throw PlexusError.from(thrown).within("the DEL that waited for this sandbox could not be done: ");
    });
  };
}
