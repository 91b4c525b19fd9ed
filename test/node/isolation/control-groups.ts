/** Control groups that tests make. They are the machine's: the kernel has one tree of them, for all namespaces. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";

/** Where the machine mounts them: one tree, or one directory for each controller. */
export const HIERARCHIES = "/sys/fs/cgroup";

const PREFIX = "plexus-test-";

/** Returns a name that no other run of the tests uses, with the process id of its owner. */
export function nameControlGroup(): string {
  return `${PREFIX}${process.pid}-${randomBytes(4).toString("hex")}`;
}

/** Lists the directories of a control group in all hierarchies, the innermost first. */
export async function findControlGroups(name: string): Promise<readonly string[]> {
  const found = await Promise.all(
    (await hierarchies()).map(async (hierarchy) => {
      const top = join(hierarchy, name);
      const below = await readdir(top, { recursive: true, withFileTypes: true }).catch(() => undefined);
      const directories = below
        ?.filter((entry) => entry.isDirectory())
        .map(({ parentPath, name }) => join(parentPath, name));
      return directories === undefined ? [] : [top, ...directories];
    }),
  );
  return found.flat().sort((one, other) => other.length - one.length);
}

/** Removes a control group. Processes in it keep it. */
export async function removeControlGroups(name: string): Promise<void> {
  for (const directory of await findControlGroups(name)) await rmdir(directory).catch(() => undefined);
}

/** Removes the control groups of runs that were killed. */
export async function removeStaleControlGroups(): Promise<void> {
  const names = await Promise.all((await hierarchies()).map((hierarchy) => readdir(hierarchy).catch(() => [])));
  const stale = names.flat().filter((name) => name.startsWith(PREFIX) && !hasOwner(name));
  for (const name of new Set(stale)) await removeControlGroups(name);
}

function hasOwner(name: string): boolean {
  const pid = /^\d+/.exec(name.slice(PREFIX.length))?.[0];
  return pid !== undefined && existsSync(`/proc/${pid}`);
}

async function hierarchies(): Promise<readonly string[]> {
  const names = await readdir(HIERARCHIES).catch(() => []);
  return [HIERARCHIES, ...names.map((name) => join(HIERARCHIES, name))];
}
