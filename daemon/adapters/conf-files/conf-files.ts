import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { PlexusError } from "../../domain/errors.ts";
import type { ConfFile, ConfFiles, ConfPath } from "../../ports/conf-files.ts";

/** The configuration directories as the daemon sees them. Nothing is remembered: other plugins rewrite their files when they please. */
export const confFiles: ConfFiles = {
  async isThere(path) {
    return (await absentOr(stat(path), path)) !== undefined;
  },

  async look(path): Promise<ConfPath> {
    const found = await absentOr(stat(path), path);
    if (found === undefined) return { is: "missing" };
    if (found.isDirectory()) return { is: "directory" };
    if (!found.isFile()) throw new PlexusError("io-failure", `${path} is neither a file nor a directory`);
    const text = await absentOr(readFile(path, "utf8"), path);
    return text === undefined ? { is: "missing" } : { is: "file", file: { name: basename(path), text } };
  },

  async list(directory, endings) {
    const entries = (await absentOr(readdir(directory), directory)) ?? [];
    const names = entries.filter((name) => endings.some((ending) => name.endsWith(ending))).toSorted(byBytes);
    const found = await Promise.all(names.map((name) => regularFile(directory, name)));
    return found.filter((file) => file !== undefined);
  },
};

/** Links are followed: ConfigMaps are mounted as links. */
async function regularFile(directory: string, name: string): Promise<ConfFile | undefined> {
  const path = join(directory, name);
  const found = await absentOr(stat(path), path);
  if (found?.isFile() !== true) return undefined;
  const text = await absentOr(readFile(path, "utf8"), path);
  return text === undefined ? undefined : { name, text };
}

async function absentOr<T>(reading: Promise<T>, path: string): Promise<T | undefined> {
  try {
    return await reading;
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new PlexusError("io-failure", `cannot read ${path}: ${code}`, { cause });
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
