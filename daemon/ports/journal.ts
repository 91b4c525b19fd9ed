import type { CniArgs } from "../domain/cni/args.ts";
import type { IfName, SandboxId } from "../domain/ids.ts";
import type { NetConf } from "../domain/netconf.ts";
import type { SandboxRecord } from "../domain/sandbox-record.ts";

/** What a DEL says itself. Multus notes less than Plexus does, so the rest comes from the DEL. */
export interface DelHints {
  /** CNI_IFNAME. */
  readonly ifName: IfName;
  /** CNI_NETNS; may be empty. */
  readonly netns: string;
  /** Absent when it is not known any more. */
  readonly origin?: DelOrigin | undefined;
}

/** What the container runtime says on DEL of the sandbox's ADD. */
export interface DelOrigin {
  readonly args: CniArgs;
  readonly searchPath: readonly string[];
  readonly netConf: Pick<NetConf, "name" | "version" | "runtimeConfig">;
}

/**
 * Remembers what was attached. Whatever has resolved is still true after a crash or a power cut.
 * All methods reject with `io-failure` when the disk refuses, and leave the previous record as it was.
 *
 * What is stored and is not what was written is damaged. It is never guessed at and never deleted: whoever reads it first sets it aside for
 * people to look at, and from then on there is no record, and the sandbox counts as damaged.
 */
export interface Journal {
  /**
   * Undefined when there is none. Rejects with `decode-failure`, naming the file, when a newer Plexus wrote it; it then stays where it is.
   * @param asked what a DEL says itself, for a sandbox that others attached and noted less of
   */
  read(sandbox: SandboxId, asked?: DelHints): Promise<SandboxRecord | undefined>;
  write(record: SandboxRecord): Promise<void>;
  /** Removing what is not there succeeds. */
  remove(sandbox: SandboxId): Promise<void>;
  /** The sandboxes on record, sorted. */
  list(): Promise<readonly SandboxId[]>;
  /** The sandboxes of which a damaged record was set aside, sorted; until somebody takes the file away, whatever became of the sandbox. */
  damaged(): Promise<readonly SandboxId[]>;
}
