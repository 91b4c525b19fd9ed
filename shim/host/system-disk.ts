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
import { fromUtf8, toUtf8 } from "../core/utf8.ts";
import { errnoText, writeAll } from "./descriptors.ts";

declare function fileRead(fd: number, into: Uint8Array): number;
declare function identifyNetns(path: Uint8Array, into: Uint8Array): number;
declare function bindMount(from: Uint8Array, to: Uint8Array): number;
declare function unmount(path: Uint8Array): number;

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
  identifyNetns: (path: string): string => {
    const text = new Uint8Array(80);
    const length = identifyNetns(cString(path), text);
    return length > 0 && length < text.length ? fromUtf8(text.subarray(0, length)) : "";
  },
  bindMount: (from: string, to: string): string =>
    bindMount(cString(from), cString(to)) === 0 ? "" : `${errnoText()}, mount`,
  unmount: (path: string): string => (unmount(cString(path)) === 0 ? "" : `${errnoText()}, umount`),
  bootId,
};

function cString(text: string): Uint8Array {
  return toUtf8(`${text}\0`);
}

/** A UUID; a newline follows. */
const BOOT_ID_LENGTH = 36;

function bootId(): string {
  try {
    const fd = openSync("/proc/sys/kernel/random/boot_id", constants.O_RDONLY);
    const text = new Uint8Array(64);
    const length = fileRead(fd, text);
    closeSync(fd);
    return length >= BOOT_ID_LENGTH ? fromUtf8(text.subarray(0, BOOT_ID_LENGTH)) : "";
  } catch {
    return "";
  }
}

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
