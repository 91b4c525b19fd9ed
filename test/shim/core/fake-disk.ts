import { dirname } from "node:path";
import type { Disk } from "../../../shim/core/disk.ts";

export const BOOT_ID = "00000000-0000-4000-8000-000000000001";

export interface FakeDisk extends Disk {
  /** What was asked of the disk, such as "rename /a /b". */
  readonly log: readonly string[];
  /** Files by path. */
  readonly files: ReadonlyMap<string, string>;
  /** Identities of network namespaces by the paths that lead to them. */
  readonly namespaces: ReadonlyMap<string, string>;
}

export interface FakeDiskOptions {
  readonly directories?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly namespaces?: Readonly<Record<string, string>>;
  /** What begins like this in the log fails. */
  readonly refuses?: string;
}

export function fakeDisk({
  directories = [],
  files = {},
  namespaces = {},
  refuses = "never",
}: FakeDiskOptions = {}): FakeDisk {
  const log: string[] = [];
  const present = new Set(["/", ...directories]);
  const contents = new Map(Object.entries(files));
  const netns = new Map(Object.entries(namespaces));
  const step = (text: string, work: () => void): string => {
    log.push(text);
    if (text.startsWith(refuses)) return "the disk refuses";
    work();
    return "";
  };
  return {
    log,
    files: contents,
    namespaces: netns,
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
    identifyNetns: (path) => netns.get(path) ?? "",
    bindMount: (from, to) => step(`mount ${from} ${to}`, () => netns.set(to, netns.get(from) ?? "")),
    unmount: (path) => step(`unmount ${path}`, () => netns.delete(path)),
    bootId: () => BOOT_ID,
    syncDirectory: (path) => step(`sync ${path}`, () => undefined),
  };
}
