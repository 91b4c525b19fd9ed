import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
} from "node:fs";
import type { Disk } from "../core/disk.ts";
import { writeAll } from "./descriptors.ts";

/** The file system through the part of node:fs that scriptc has. What goes wrong is told like "ENOSPC: no space left on device, fsync". */
export const systemDisk: Disk = {
  exists: (path: string): boolean => existsSync(path),
  makeDirectory: (path: string): string =>
    faultOf((): void => {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    }),
  count,
  create: (path: string, content: Uint8Array): string =>
    faultOf((): void => {
      const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
      const fault = writeAll(fd, content);
      if (fault !== "") throw new Error(`${fault}, write`);
      fsyncSync(fd);
      closeSync(fd);
    }),
  rename: (from: string, to: string): string =>
    faultOf((): void => {
      renameSync(from, to);
    }),
  remove: (path: string): string =>
    faultOf((): void => {
      unlinkSync(path);
    }),
  syncDirectory: (path: string): string =>
    faultOf((): void => {
      const fd = openSync(path, constants.O_RDONLY);
      fsyncSync(fd);
      closeSync(fd);
    }),
};

function count(directory: string): number {
  try {
    return readdirSync(directory).length;
  } catch {
    return 0;
  }
}

function faultOf(work: () => void): string {
  try {
    work();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : "unknown error";
  }
}
