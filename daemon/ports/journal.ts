import type { SandboxId } from "../domain/ids.ts";
import type { SandboxRecord } from "../domain/sandbox-record.ts";

/**
 * Remembers what was attached. Whatever has resolved is still true after a crash or a power cut.
 * All methods reject with `io-failure` when the disk refuses, and leave the previous record as it was.
 */
export interface Journal {
  /** Undefined when there is none. Rejects with `decode-failure`, naming the file, when what is stored is not what was written. */
  read(sandbox: SandboxId): Promise<SandboxRecord | undefined>;
  write(record: SandboxRecord): Promise<void>;
  /** Removing what is not there succeeds. */
  remove(sandbox: SandboxId): Promise<void>;
  /** The sandboxes on record, sorted. */
  list(): Promise<readonly SandboxId[]>;
}
