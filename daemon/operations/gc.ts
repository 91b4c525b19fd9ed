import { isAtLeast } from "../domain/cni/version.ts";
import { PlexusError } from "../domain/errors.ts";
import type { NetworkName } from "../domain/ids.ts";
import type { JsonText } from "../domain/json/json-object.ts";
import type { NetConf } from "../domain/netconf.ts";
import { recordedConflist } from "../domain/recorded-attachment.ts";
import { attachedSince, type RecordedAttachment, type SandboxRecord } from "../domain/sandbox-record.ts";
import type { Clock } from "../ports/clock.ts";
import type { Journal } from "../ports/journal.ts";
import { detach, type DetachDeps } from "./detach.ts";
import { type DelegateDeps, findDelegates } from "./find-delegates.ts";
import { throwAll } from "./run-conflist.ts";
import type { SandboxQueue } from "./sandbox-queue.ts";
import type { Scope } from "./scope.ts";

export interface GcRequest {
  readonly netConf: NetConf;
  readonly searchPath: readonly string[];
}

export interface GcDeps extends DetachDeps, DelegateDeps {
  readonly clock: Clock;
  readonly queue: SandboxQueue;
}

/**
 * Detaches what the runtime no longer counts as valid, of that which was made for the same network config, and then passes GC on to the
 * plugins that know it. Other configs on the node have a GC of their own.
 */
export function makeGc(deps: GcDeps): (request: GcRequest, scope: Scope) => Promise<void> {
  return async (request, scope) => {
    const { netConf } = request;
    const valid = netConf.validAttachments;
    if (valid === undefined) {
      throw new PlexusError("invalid-config", "GC needs the list of valid attachments", {
        details: 'the runtime gives it as "cni.dev/valid-attachments" in the network config',
      });
    }
    // What was attached since is in nobody's list.
    const began = deps.clock.now();
    const isStale = (record: SandboxRecord, attachment: RecordedAttachment): boolean =>
      attachment.confName === netConf.name &&
      attachedSince(record, attachment) <= began &&
      !valid.some(({ containerId, ifName }) => containerId === record.sandbox && ifName === attachment.owner);
    // Plugins clean up what they are not told to keep, so they are told nothing unless every record can be read.
    const before = await allRecords(deps.journal, scope).catch(() => undefined);
    const failures = await collect(deps, isStale, scope);
    throwAll(
      before === undefined
        ? failures
        : [...failures, ...(await deps.queue.alone(() => tellPlugins(deps, request, before, scope)))],
    );
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
      deps.queue
        .run(sandbox, "in-turn", scope.signal, async () => {
          const record = await deps.journal.read(sandbox);
          if (record === undefined) return [];
          const which = (attachment: RecordedAttachment): boolean => isStale(record, attachment);
          // The runtime has forgotten the sandbox, so its namespace path may belong to somebody else by now.
          return detach(deps, record, { which }, "", scope);
        })
        .catch((thrown: unknown) => [PlexusError.from(thrown)]),
    ),
  );
  return outcomes.flat();
}

/**
 * While no other operation runs, for plugins clean up what is not in the list that they are given.
 * Every network that something was made for, and the default one: its plugins may know of leftovers that nobody else does.
 */
async function tellPlugins(
  deps: GcDeps,
  { netConf, searchPath }: GcRequest,
  before: readonly SandboxRecord[],
  scope: Scope,
): Promise<PlexusError[]> {
  const failures: PlexusError[] = [];
  const clusterDefault = await findDelegates(deps, netConf, undefined, scope).then(
    ([{ conflist }]) => [conflist],
    (thrown: unknown) => {
      failures.push(PlexusError.from(thrown));
      return [];
    },
  );
  const recorded = before.flatMap(({ attachments }) => attachments.map(recordedConflist));
  const conflists = new Map([...recorded, ...clusterDefault].map((conflist) => [conflist.name, conflist]));
  const kept = await recordsOf(deps.journal);
  for (const conflist of conflists.values()) {
    if (conflist.disableGc || !isAtLeast(conflist.version, "1.1.0")) continue;
    try {
      await deps.conflists.gc(
        { network: conflist.name, conflist },
        attachmentsOf(kept, conflist.name),
        searchPath,
        scope,
      );
    } catch (thrown) {
      failures.push(PlexusError.from(thrown).within(`error in GC of network "${conflist.name}": `));
    }
  }
  return failures;
}

/** Undefined when a damaged one was set aside: what it named may still stand. */
async function allRecords(journal: Journal, { warn }: Scope): Promise<readonly SandboxRecord[] | undefined> {
  const records = await recordsOf(journal);
  const damaged = await journal.damaged();
  if (damaged.length === 0) return records;
  warn(
    `plugins are not asked to clean up while it is not known what stands: damaged records were set aside, of ${damaged.join(", ")}`,
  );
  return undefined;
}

async function recordsOf(journal: Journal): Promise<readonly SandboxRecord[]> {
  const records = await Promise.all((await journal.list()).map((sandbox) => journal.read(sandbox)));
  return records.filter((record) => record !== undefined);
}

/** What the plugins of that network may keep: every interface on record that they made, whatever its sandbox calls its first one. */
function attachmentsOf(records: readonly SandboxRecord[], network: NetworkName): JsonText {
  const kept = records.flatMap(({ sandbox, attachments }) =>
    attachments
      .filter((attachment) => recordedConflist(attachment).name === network)
      .map(({ ifName }) => ({ containerID: sandbox, ifname: ifName })),
  );
  return JSON.stringify(kept);
}
