import { isAtLeast } from "../domain/cni/version.ts";
import { PlexusError } from "../domain/errors.ts";
import { JsonObject, type JsonText } from "../domain/json/json-object.ts";
import type { NetConf } from "../domain/netconf.ts";
import { inlineConflists } from "../domain/plan.ts";
import type { RecordedAttachment, SandboxRecord } from "../domain/sandbox-record.ts";
import { detach, type DetachDeps } from "./detach.ts";
import { throwAll } from "./run-conflist.ts";
import type { SandboxQueue } from "./sandbox-queue.ts";
import type { Scope } from "./scope.ts";

export interface GcRequest {
  readonly netConf: NetConf;
  readonly searchPath: readonly string[];
}

export interface GcDeps extends DetachDeps {
  readonly queue: SandboxQueue;
}

/**
 * Detaches what the runtime no longer counts as valid, of that which was made for the same network config, and then passes GC on to the
 * default network's plugins. Other configs on the node have a GC of their own.
 */
export function makeGc(deps: GcDeps): (request: GcRequest, scope: Scope) => Promise<void> {
  return async ({ netConf, searchPath }, scope) => {
    const valid = netConf.validAttachments;
    if (valid === undefined) {
      throw new PlexusError("invalid-config", "GC needs the list of valid attachments", {
        details: 'the runtime gives it as "cni.dev/valid-attachments" in the network config',
      });
    }
    const isStale = (record: SandboxRecord, { owner, confName }: RecordedAttachment): boolean =>
      confName === netConf.name &&
      !valid.some(({ containerId, ifName }) => containerId === record.sandbox && ifName === owner);
    const failures = await collect(deps, isStale, scope);
    await tellPlugins(deps, netConf, searchPath, scope).catch((thrown: unknown) => failures.push(PlexusError.from(thrown)));
    throwAll(failures);
  };
}

async function collect(
  deps: GcDeps,
  isStale: (record: SandboxRecord, attachment: RecordedAttachment) => boolean,
  scope: Scope,
): Promise<PlexusError[]> {
  const sandboxes = await deps.journal.list();
  const outcomes = await Promise.all(
    sandboxes.map((sandbox) =>
      deps.queue.run(sandbox, "in-turn", scope.signal, async () => {
        const record = await deps.journal.read(sandbox);
        if (record === undefined) return [];
        const which = (attachment: RecordedAttachment): boolean => isStale(record, attachment);
        // The runtime has forgotten the sandbox, so its namespace path may belong to somebody else by now.
        return detach(deps, record, { which }, "", scope);
      }),
    ),
  );
  return outcomes.flat();
}

async function tellPlugins(deps: GcDeps, netConf: NetConf, searchPath: readonly string[], scope: Scope): Promise<void> {
  const [conflist] = inlineConflists(netConf);
  if (conflist.disableGc || !isAtLeast(conflist.version, "1.1.0")) return;
  const delegate = { network: conflist.name, conflist, capabilityArgs: JsonObject.empty, cniArgs: "" };
  const around = { sandbox: "", netns: "", searchPath, netnsOverride: "" } as const;
  await deps.conflists.gc(delegate, await attachmentsOf(deps, conflist.name), around, scope);
}

/** What the plugins of that network may keep: every interface on record that they made, whatever its sandbox calls its first one. */
async function attachmentsOf({ journal }: GcDeps, network: string): Promise<JsonText> {
  const records = await Promise.all((await journal.list()).map((sandbox) => journal.read(sandbox)));
  const kept = records.flatMap((record) =>
    record === undefined
      ? []
      : record.attachments
          .filter((attachment) => attachment.network === network)
          .map(({ ifName }) => ({ containerID: record.sandbox, ifname: ifName })),
  );
  return JSON.stringify(kept);
}
