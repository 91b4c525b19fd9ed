/** The engine: everything that makes attachments or takes them away, over one set of ports. */
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { SandboxId } from "../../domain/ids.ts";
import type { PlexusError } from "../../domain/errors.ts";
import type { Scope } from "../scope.ts";
import { attach, type AttachDeps, type Attaching } from "./attach.ts";
import { AS_RECORDED, cleanupNetns, releaseRule, type ToldNetns } from "./cleanup-netns.ts";
import { detach, type DetachSelection } from "./detach.ts";
import { type ShownStatus, showStatus } from "./show-status.ts";
import { refuseTakenLinks } from "./taken-links.ts";

export type AttachmentsDeps = AttachDeps;

export interface Cleanup {
  readonly which: (attachment: RecordedAttachment) => boolean;
  readonly told: ToldNetns | typeof AS_RECORDED;
  /** Whether the pod is gone, as far as it is known; asked only when a plugin fails. */
  readonly isPodGone: () => Promise<boolean>;
  readonly presentConf?: DetachSelection["presentConf"];
}

export interface Attachments {
  read(sandbox: SandboxId): Promise<SandboxRecord | undefined>;
  /** See attach.ts. */
  attach(attaching: Attaching, scope: Scope): Promise<readonly RecordedAttachment[]>;
  /**
   * Detaches attachments in the namespace that the call means, and releases what the container runtime
   * need not wait for.
   * @returns the failures that the caller must report
   * @throws PlexusError `io-failure`, `invalid-netns`
   */
  cleanUp(record: SandboxRecord, cleanup: Cleanup, scope: Scope): Promise<readonly PlexusError[]>;
  /**
   * Removes what an ADD left that a crash cut short, before the same ADD runs again. A leftover that
   * cannot be removed and never worked is forgotten: the new ADD has the same names, so its DEL covers it.
   * @throws PlexusError when a leftover that worked once cannot be removed
   */
  removeLeftovers(record: SandboxRecord, which: Cleanup["which"], scope: Scope): Promise<void>;
  /** See taken-links.ts. The answer goes on record. */
  refuseTaken(...what: Tail<Parameters<typeof refuseTakenLinks>>): Promise<NetnsFacts>;
  /** See show-status.ts. */
  show(shown: ShownStatus, scope: Scope): Promise<void>;
}

/** Which namespace a path leads to, and the boot in which that is true. */
export type NetnsFacts = Pick<SandboxRecord, "netnsIdentity" | "bootId">;

type Tail<List extends readonly unknown[]> = List extends readonly [unknown, ...infer Rest] ? Rest : never;

export function makeAttachments(deps: AttachmentsDeps): Attachments {
  async function cleanUp(
    record: SandboxRecord,
    { which, told, isPodGone, presentConf }: Cleanup,
    scope: Scope,
  ): Promise<readonly PlexusError[]> {
    if (!record.attachments.some(which)) return [];
    const netns = await cleanupNetns(deps.sandboxes, record, told, scope.signal);
    const mayRelease = releaseRule(deps.sandboxes, netns, isPodGone, scope.signal);
    return detach(deps, record, { which, mayRelease, presentConf }, async () => netns, scope);
  }

  return {
    read: (sandbox) => deps.journal.read(sandbox),
    attach: (attaching, scope) => attach(deps, attaching, scope),
    cleanUp,
    async removeLeftovers(record, which, scope) {
      const [failure] = await cleanUp(record, { which, told: AS_RECORDED, isPodGone: async () => false }, scope);
      if (failure !== undefined) throw failure.within("leftovers of an interrupted ADD could not be removed: ");
    },
    async refuseTaken(...what) {
      const netnsIdentity = await refuseTakenLinks(deps.sandboxes, ...what);
      return { netnsIdentity, bootId: deps.sandboxes.bootId };
    },
    show: (shown, scope) => showStatus(deps, shown, scope),
  };
}
