import { join } from "node:path";
import { openJournal } from "../adapters/journal/file-journal.ts";
import { becomeOnlyDaemon } from "../adapters/single-daemon/single-daemon.ts";
import type { Config } from "../config/load.ts";
import { PlexusError } from "../domain/errors.ts";
import { exportToMultus } from "../migration/export-to-multus.ts";
import { multusNoteFiles } from "../migration/multus-note-files.ts";

/**
 * Notes every sandbox on record down for Multus, while no daemon runs.
 * @param home the launcher's directory
 * @returns how many sandboxes Multus knows now
 * @throws PlexusError `io-failure` that names those which could not be handed over
 */
export async function exportRecords(config: Config, home: string): Promise<number> {
  const only = await becomeOnlyDaemon(config.stateDir, 0, join(home, "plexus-launcher"));
  const journal = await openJournal(config.stateDir, () => undefined);
  const { sandboxes, problems } = await exportToMultus(journal, multusNoteFiles(config));
  await only.release();
  if (problems.length === 0) return sandboxes;
  const noted = `${sandboxes} sandboxes noted down in ${config.multusDir}`;
  throw new PlexusError("io-failure", `${noted}, but not all could be: ${problems.join("; ")}`);
}
