import { isAtLeast } from "../../domain/cni/version.ts";
import { PlexusError } from "../../domain/errors.ts";
import { type IfName, isNetnsPath, type SandboxId } from "../../domain/ids.ts";
import type { SandboxRecord } from "../../domain/sandbox-record.ts";
import { withRoutedResults } from "../../domain/routed-results.ts";
import type { Sandboxes } from "../../ports/sandboxes.ts";
import type { Journal } from "../../ports/journal.ts";
import { isAnother } from "../attachments/cleanup-netns.ts";
import { invocationContextOf } from "../attachments/detach.ts";
import { podPrefix } from "../attachments/pod-prefix.ts";
import type { ConflistRunner } from "../attachments/run-conflist.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import type { Scope } from "../scope.ts";

export interface CheckRequest {
  readonly sandbox: SandboxId;
  readonly ifName: IfName;
  readonly netns: string;
}

export interface CheckDeps {
  readonly queue: SandboxQueue;
  readonly journal: Journal;
  readonly conflists: ConflistRunner;
  readonly sandboxes: Pick<Sandboxes, "look" | "bootId">;
}

/**
 * Asks the plugins of every attachment on record whether it is still as they left it; the first that says no is the answer.
 * A network older than CNI 0.4.0 cannot be asked, and one with `disableCheck` does not want to be: neither is a failure.
 */
export function makeCheck(deps: CheckDeps): (request: CheckRequest, scope: Scope) => Promise<void> {
  return (request, scope) =>
    deps.queue.run(request.sandbox, "in-turn", scope.signal, async () => {
      const record = await deps.journal.read(request.sandbox);
      const mine = withRoutedResults(record?.attachments ?? []).filter(
        // One that comes or goes alone, and is half-way, is not the runtime's concern.
        ({ owner, hotPlugged, state }) =>
          owner === request.ifName && state !== "released" && !(hotPlugged === true && state !== "attached"),
      );
      if (record === undefined || mine.length === 0) {
        throw new PlexusError(
          "unknown-container",
          `nothing is attached to sandbox ${request.sandbox} as ${request.ifName}`,
          {
            details: "it was never added by this daemon, or has been deleted; the runtime should make the sandbox anew",
          },
        );
      }
      await refuseAnotherNetns(deps.sandboxes, record, request, scope);
      for (const attachment of mine) {
        const { network, ifName, state, conflist } = attachment;
        const prefix = `${podPrefix(record.pod, network)}error checking interface ${ifName}: `;
        if (state !== "attached") {
          throw new PlexusError("try-again-later", `${prefix}its ADD or DEL was interrupted`, {
            details: "DEL the sandbox",
          });
        }
        if (conflist.disableCheck || !isAtLeast(conflist.version, "0.4.0")) continue;
        const context = { ...invocationContextOf(record), netns: request.netns };
        await deps.conflists.check(attachment, attachment.result, context, scope).catch((thrown: unknown) => {
          throw PlexusError.from(thrown).within(prefix);
        });
      }
    });
}

/** @throws PlexusError `invalid-netns` when the path leads to another namespace than the one that was attached */
async function refuseAnotherNetns(
  sandboxes: CheckDeps["sandboxes"],
  record: SandboxRecord,
  { sandbox, netns }: CheckRequest,
  { signal }: Scope,
): Promise<void> {
  if (record.netnsIdentity === undefined || !isNetnsPath(netns)) return;
  const view = await sandboxes.look(netns, [], signal);
  if (view.found === "host-netns") return;
  if (view.found === "sandbox" && !isAnother(record, view.identity, sandboxes)) return;
  const message = `${podPrefix(record.pod)}${netns} is not the network namespace that sandbox ${sandbox} was attached in`;
  throw new PlexusError("invalid-netns", message, {
    details: "that namespace is gone, as after a reboot of the node; DEL the sandbox and make it anew",
  });
}
