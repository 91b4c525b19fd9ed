import * as fs from "node:fs/promises";
import type { Disk, OpenFile } from "../../../daemon/adapters/journal/disk.ts";

export interface MortalDisk extends Disk {
  /** How many steps were taken or refused. */
  steps(): number;
  /** What the power takes with it: names and content that were not synced. */
  lose(what: { readonly names: boolean; readonly content: boolean }): Promise<void>;
}

/**
 * The real file system, until it stops before step `last` (a write stops half-way) and refuses everything after. It keeps account of what
 * would be lost if the power went: content until its file is synced, names until their directory is.
 */
export function mortalDisk(last = Infinity): MortalDisk {
  let taken = 0;
  let undoNames: (() => Promise<void>)[] = [];
  const dirty = new Set<string>();

  async function step<T>(act: () => Promise<T>, halfway: () => Promise<unknown> = async () => undefined): Promise<T> {
    if (taken++ === last) await halfway();
    if (taken > last) throw Object.assign(new Error("the power is off"), { code: "EIO" });
    return act();
  }

  function mortalFile(path: string, file: fs.FileHandle, isDirectory: boolean): OpenFile {
    return {
      writeFile: (text) =>
        step(
          () => file.writeFile(text),
          () => file.writeFile(text.slice(0, text.length / 2)),
        ),
      sync: () =>
        step(async () => {
          if (isDirectory) undoNames = [];
          else dirty.delete(path);
        }),
      close: () => file.close(),
    };
  }

  return {
    open: (path, flags, mode) =>
      step(async () => {
        const file = await fs.open(path, flags, mode);
        const isDirectory = (await file.stat()).isDirectory();
        if (!isDirectory) {
          dirty.add(path);
          undoNames.push(() => fs.rm(path, { force: true }));
        }
        return mortalFile(path, file, isDirectory);
      }),
    rename: (from, to) =>
      step(async () => {
        undoNames.push(await restoring(to));
        if (dirty.delete(from)) dirty.add(to);
        await fs.rename(from, to);
      }),
    unlink: (path) =>
      step(async () => {
        const restore = await restoring(path);
        await fs.unlink(path);
        undoNames.push(restore);
      }),
    readdir: (path) => fs.readdir(path),
    readFile: (path, encoding) => fs.readFile(path, encoding),
    steps: () => taken,
    lose: async ({ names, content }) => {
      if (content) for (const path of dirty) await fs.truncate(path);
      if (names) for (const undo of undoNames.toReversed()) await undo();
    },
  };
}

/** Puts back what is at the path now. */
async function restoring(path: string): Promise<() => Promise<void>> {
  const content = await fs.readFile(path).catch(() => undefined);
  return () => (content === undefined ? fs.rm(path, { force: true }) : fs.writeFile(path, content));
}
