import { dirname } from "node:path";
import type { Disk } from "../../../shim/core/disk.ts";

export interface FakeDisk extends Disk {
  /** What was asked of the disk, such as "rename /a /b". */
  readonly log: readonly string[];
  /** Files by path. */
  readonly files: ReadonlyMap<string, string>;
}

export interface FakeDiskOptions {
  readonly directories?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  /** What begins like this in the log fails. */
  readonly refuses?: string;
}

export function fakeDisk({ directories = [], files = {}, refuses = "never" }: FakeDiskOptions = {}): FakeDisk {
  const log: string[] = [];
  const present = new Set(["/", ...directories]);
  const contents = new Map(Object.entries(files));
  const step = (text: string, work: () => void): string => {
    log.push(text);
    if (text.startsWith(refuses)) return "the disk refuses";
    work();
    return "";
  };
  return {
    log,
    files: contents,
    exists: (path) => present.has(path),
    count: (directory) => [...contents.keys()].filter((path) => dirname(path) === directory).length,
    makeDirectory: (path) => step(`mkdir ${path}`, () => present.add(path)),
    create: (path, content) => step(`create ${path}`, () => contents.set(path, Buffer.from(content).toString())),
    rename: (from, to) =>
      step(`rename ${from} ${to}`, () => {
        contents.set(to, contents.get(from) ?? "");
        contents.delete(from);
      }),
    remove: (path) => step(`remove ${path}`, () => contents.delete(path)),
    syncDirectory: (path) => step(`sync ${path}`, () => undefined),
  };
}
