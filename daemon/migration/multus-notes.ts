import type { SandboxId } from "../domain/ids.ts";
import type { MultusNote } from "./multus-note.ts";

/** What Multus, or TKE's fork of it, has on disk of the sandboxes that it attached on this node. All methods reject with `io-failure`. */
export interface MultusNotes {
  /** Undefined when there are no notes of that sandbox. Cached results without notes do not count. */
  read(sandbox: SandboxId): Promise<MultusNote | undefined>;
  /** Notes a sandbox down for Multus, results first, in place of what there was. Resolves when that will survive a power cut. */
  write(sandbox: SandboxId, files: Pick<MultusNote, "scratch" | "results">): Promise<void>;
  /** Removes the notes, and before them the cached results. Removing what is not there succeeds. */
  remove(sandbox: SandboxId): Promise<void>;
  /** The sandboxes that there are notes of, sorted. */
  list(): Promise<readonly SandboxId[]>;
}
