import * as fs from "node:fs/promises";
import { join } from "node:path";
import { refused } from "../../domain/io-failure.ts";
import { createDurable, type Disk } from "./disk.ts";

/** As much as a record is, more or less. */
const TEXT = `${"plexus ".repeat(580)}\n`;

let attempts = 0;

/**
 * Writes a file beside the records and takes it away again. The journal takes what a crash leaves of it for a record that was not finished.
 * @throws PlexusError `io-failure` when the disk refuses, as it would refuse a record
 */
export async function tryWriting(stateDir: string, disk: Disk = fs): Promise<void> {
  const path = join(stateDir, "sandboxes", `.trial.${++attempts}.tmp`);
  await createDurable(disk, path, TEXT)
    .finally(() => disk.unlink(path).catch(() => undefined))
    .catch(refused("write in", stateDir));
}
