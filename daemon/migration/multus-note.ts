import type { JsonText } from "../domain/json/json-object.ts";

/** A file as it was read. */
export interface LegacyFile {
  readonly name: string;
  readonly text: JsonText;
}

/** What Multus, or TKE's fork of it, left on disk of one sandbox (spec §5.1, §5.2). */
export interface MultusNote {
  /** Where its notes stand: for messages. */
  readonly path: string;
  /** Its notes, the list of delegates; written without a sync, so a power cut may have emptied or torn it. */
  readonly scratch: JsonText;
  /** When the notes were written, in milliseconds since the epoch. */
  readonly writtenAt: number;
  /** The results that libcni cached for it, oldest first. The fork has none. */
  readonly results: readonly LegacyFile[];
}
