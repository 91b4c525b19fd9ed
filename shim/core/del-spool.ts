import { ByteWriter } from "./bytes.ts";
import type { CniEnvironment } from "./cni-environment.ts";
import type { Disk } from "./disk.ts";
import type { ShimIo } from "./shim-io.ts";
import { toUtf8 } from "./utf8.ts";

/** Leftovers of runs that were killed count too, so that nothing here can fill the disk. */
export const MAX_SPOOL_FILES = 4096;

/**
 * Leaves a DEL for the daemon to do when it is back: one file per container and interface, the latest DEL in it. It is the latest because
 * an older one must not be done any more when the container was added again in between. Returns "" when it will survive a power cut, or
 * why it may not.
 */
export function spoolDel(io: ShimIo, directory: string, environment: CniEnvironment, config: Uint8Array): string {
  const { disk } = io;
  const name = `${environment.containerId}@${environment.ifname}.json`;
  const temporary = `${directory}/.${name}.${io.requestId}`;
  const fault =
    makeDirectory(disk, directory) ||
    fullness(disk, directory) ||
    disk.create(temporary, spoolEntry(io.startedAt, environment, config)) ||
    disk.rename(temporary, `${directory}/${name}`);
  if (fault === "") return disk.syncDirectory(directory);
  disk.remove(temporary);
  return fault;
}

/** Makes the directory and those above it that are missing, and sees to it that they last. */
function makeDirectory(disk: Disk, path: string): string {
  if (path === "" || disk.exists(path)) return "";
  const parent = path.substring(0, path.lastIndexOf("/"));
  return makeDirectory(disk, parent) || disk.makeDirectory(path) || disk.syncDirectory(`${parent}/`);
}

function fullness(disk: Disk, directory: string): string {
  if (disk.count(directory) < MAX_SPOOL_FILES) return "";
  return `it is full with ${MAX_SPOOL_FILES} files; start the daemon, which works them off`;
}

/** The file's content: JSON in one line, with the network config as it came. */
function spoolEntry(at: number, environment: CniEnvironment, config: Uint8Array): Uint8Array {
  const members = [
    `"version":1,"at":${at}`,
    member("containerId", environment.containerId),
    member("ifName", environment.ifname),
    member("netns", environment.netns),
    member("netnsOverride", environment.netnsOverride),
    member("args", environment.args),
    member("path", environment.path),
    '"conf":',
  ];
  const out = new ByteWriter(config.length + 1024);
  out.bytes(toUtf8(`{${members.join(",")}`));
  out.bytes(config);
  out.bytes(toUtf8("}\n"));
  return out.view();
}

function member(key: string, value: string): string {
  return `"${key}":${JSON.stringify(value)}`;
}
