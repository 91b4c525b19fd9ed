import { ByteWriter } from "./bytes.ts";
import type { CniEnvironment } from "./cni-environment.ts";
import type { Disk } from "./disk.ts";
import type { ShimIo } from "./shim-io.ts";
import { toUtf8 } from "./utf8.ts";

/** Leftovers of runs that were killed count too, so that nothing here can fill the disk. */
export const MAX_SPOOL_FILES = 4096;

/** Kept namespaces take memory of the kernel's. With this many files in the spool, a DEL keeps none any more. */
export const MAX_FILES_TO_KEEP_NETNS = 1024;

/** The network namespace of a DEL. */
interface Netns {
  /** See Disk; "" when the DEL has none any more. */
  readonly identity: string;
  /** Where a bind mount keeps it alive; "" when nothing does. */
  readonly keptAt: string;
  /** This run mounted it. */
  readonly isNew: boolean;
}

const NO_NETNS: Netns = { identity: "", keptAt: "", isNew: false };

/**
 * Leaves a DEL for the daemon to do when it is back: one file per container and interface, the latest DEL in it. It is the latest because
 * an older one must not be done any more when the container was added again in between. Returns "" when it will survive a power cut, or
 * why it may not.
 *
 * The runtime removes the network namespace next, and some plugins can only undo inside it. So a bind mount beside the
 * file keeps it alive until the daemon has done the DEL (issue 11, section 2). Where that fails, the DEL is left without.
 */
export function spoolDel(io: ShimIo, directory: string, environment: CniEnvironment, config: Uint8Array): string {
  const { disk } = io;
  const place = `${directory}/${environment.containerId}@${environment.ifname}`;
  const temporary = `${directory}/.${environment.containerId}@${environment.ifname}.json.${io.requestId}`;
  let fault = makeDirectory(disk, directory) || fullness(disk, directory);
  if (fault !== "") return fault;
  const netns = keepNetns(disk, directory, environment.netns, `${place}.netns`);
  fault = disk.create(temporary, spoolEntry(io, environment, netns, config)) || disk.rename(temporary, `${place}.json`);
  if (fault === "") return disk.syncDirectory(directory);
  disk.remove(temporary);
  if (netns.isNew) release(disk, netns.keptAt);
  return fault;
}

function keepNetns(disk: Disk, directory: string, path: string, keptAt: string): Netns {
  // An earlier DEL of the same may have kept it, and the runtime removed its own name of it since.
  const kept = disk.identifyNetns(keptAt);
  if (kept !== "") return { identity: kept, keptAt, isNew: false };
  const identity = path === "" ? "" : disk.identifyNetns(path);
  if (identity === "") return NO_NETNS;
  const without = { identity, keptAt: "", isNew: false };
  if (disk.count(directory) >= MAX_FILES_TO_KEEP_NETNS) return without;
  // The file may be there already, left by a boot, which ends mounts.
  disk.create(keptAt, new Uint8Array(0));
  if (disk.bindMount(path, keptAt) !== "") {
    disk.remove(keptAt);
    return without;
  }
  // Asked anew, for the path may have led to another one meanwhile.
  return { identity: disk.identifyNetns(keptAt), keptAt, isNew: true };
}

function release(disk: Disk, keptAt: string): void {
  disk.unmount(keptAt);
  disk.remove(keptAt);
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
function spoolEntry(io: ShimIo, environment: CniEnvironment, netns: Netns, config: Uint8Array): Uint8Array {
  const members = [
    `"version":1,"at":${io.startedAt}`,
    member("containerId", environment.containerId),
    member("ifName", environment.ifname),
    member("netns", environment.netns),
    member("netnsIdentity", netns.identity),
    `"netnsKept":${netns.keptAt === "" ? "false" : "true"}`,
    member("bootId", io.disk.bootId()),
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
