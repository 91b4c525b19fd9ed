import { isAtLeast } from "../../domain/cni/version.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { NetworkName, SandboxId } from "../../domain/ids.ts";
import type { JsonText } from "../../domain/json/json-object.ts";
import type { NetConf } from "../../domain/netconf.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Journal } from "../../ports/journal.ts";
import type { Attachments } from "../attachments/attachments.ts";
import { type DelegateDeps, findDefault } from "../planning/find-delegates.ts";
import { type ConflistRunner, throwAll } from "../attachments/run-conflist.ts";
import type { SandboxQueue } from "../scheduling/sandbox-queue.ts";
import type { Scope } from "../scope.ts";

export interface GcRequest {
  readonly netConf: NetConf;
  readonly searchPath: readonly string[];
}

export interface GcDeps extends DelegateDeps {
  readonly queue: SandboxQueue;
  readonly journal: Journal;
  readonly conflists: ConflistRunner;
  readonly attachments: Attachments;
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
    const { records, failures: unread } = await readAll(deps.journal);
    // Plugins clean up what they are not told to keep, so they are told nothing unless every record can be read.
    const isAllKnown = unread.length === 0 && !(await isAnyDamaged(deps.journal, scope).catch(() => true));
    const isInvalid = (sandbox: SandboxId, { confName, owner }: RecordedAttachment): boolean =>
      confName === netConf.name &&
      !valid.some(({ containerId, ifName }) => containerId === sandbox && ifName === owner);
    const collected = await collect(deps, records, isInvalid, scope);
    const told = isAllKnown ? await deps.queue.exclusively(() => tellPlugins(deps, request, records, scope)) : [];
    throwAll([...unread, ...collected, ...told]);
  };
}

/** @param records as they were when the runtime asked: what was attached since is in nobody's list */
async function collect(
  deps: GcDeps,
  records: readonly SandboxRecord[],
  isInvalid: (sandbox: SandboxId, attachment: RecordedAttachment) => boolean,
  scope: Scope,
): Promise<PlexusError[]> {
  const outcomes = await Promise.all(
    records.map((before) =>
      deps.queue
        .runBesides(before.sandbox, "in-turn", scope.signal, async () => {
          const record = await deps.journal.read(before.sandbox);
          if (record === undefined) return [];
          const which = (attachment: RecordedAttachment): boolean =>
            isInvalid(record.sandbox, attachment) && before.attachments.some((one) => isOfSameAdd(one, attachment));
          // The runtime has forgotten the sandbox. Its path counts only where it still leads to its namespace.
          const told = { netns: "", netnsMayBeHosts: false };
          return deps.attachments.cleanUp(record, { which, told, isPodGone: async () => false }, scope);
        })
        .catch((thrown: unknown) => [PlexusError.from(thrown)]),
    ),
  );
  return outcomes.flat();
}

function isOfSameAdd(one: RecordedAttachment, other: RecordedAttachment): boolean {
  return one.owner === other.owner && one.since === other.since;
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
  const clusterDefault = await findDefault(deps, netConf, scope).then(
    (network) => (network === undefined ? [] : [network.conflist]),
    (thrown: unknown) => {
      failures.push(PlexusError.from(thrown));
      return [];
    },
  );
  const recorded = before.flatMap(({ attachments }) => attachments.map(({ conflist }) => conflist));
  const conflists = new Map([...recorded, ...clusterDefault].map((conflist) => [conflist.name, conflist]));
  const { records: kept, failures: unread } = await readAll(deps.journal);
  throwAll(unread);
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

/** What a damaged record named may still stand. */
async function isAnyDamaged(journal: Journal, { warn }: Scope): Promise<boolean> {
  const damaged = await journal.damaged();
  if (damaged.length === 0) return false;
  warn(
    `plugins are not asked to clean up while it is not known what stands: damaged records were set aside, of ${damaged.join(", ")}`,
  );
  return true;
}

/** Every record that can be read, and why the others cannot. */
async function readAll(
  journal: Journal,
): Promise<{ readonly records: readonly SandboxRecord[]; readonly failures: readonly PlexusError[] }> {
  const failures: PlexusError[] = [];
  const read = (sandbox: SandboxId): Promise<SandboxRecord | undefined> =>
    journal.read(sandbox).catch((thrown: unknown) => void failures.push(PlexusError.from(thrown)));
  const records = await Promise.all((await journal.list()).map(read));
  return { records: records.filter((record) => record !== undefined), failures };
}

/** What the plugins of that network may keep: every interface on record that they made, whatever its sandbox calls its first one. */
function attachmentsOf(records: readonly SandboxRecord[], network: NetworkName): JsonText {
  const kept = records.flatMap(({ sandbox, attachments }) =>
    attachments
      .filter(({ conflist, state }) => conflist.name === network && state !== "released")
      .map(({ ifName }) => ({ containerID: sandbox, ifname: ifName })),
  );
  return JSON.stringify(kept);
}
