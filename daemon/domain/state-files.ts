/** The names of a sandbox's files in `<stateDir>/sandboxes`. */
import { PlexusError } from "./errors.ts";
import { isSandboxId, type SandboxId } from "./ids.ts";

const RECORD_SUFFIX = ".json";
const STATUS_SUFFIX = ".network-status";
const DAMAGED_RECORD_FILE = /^(.+)\.json\.bad-\d+$/;

/**
 * @throws PlexusError `invalid-environment` for a container id whose record would have the name of
 * another sandbox's status file
 */
export function recordFileName(sandbox: SandboxId): string {
  if (!sandbox.endsWith(STATUS_SUFFIX)) return sandbox + RECORD_SUFFIX;
  throw new PlexusError("invalid-environment", `container id ${sandbox} has a reserved ending`, {
    details: `use a container id that does not end in ${STATUS_SUFFIX}`,
  });
}

/** The sandbox whose record a file of that name holds; undefined when it holds something else. */
export function sandboxOfRecordFile(name: string): SandboxId | undefined {
  const stem = name.slice(0, -RECORD_SUFFIX.length);
  return name.endsWith(RECORD_SUFFIX) && !stem.endsWith(STATUS_SUFFIX) && isSandboxId(stem) ? stem : undefined;
}

/** @param at when the daemon noticed the damage, in milliseconds since the epoch */
export function damagedRecordFileName(sandbox: SandboxId, at: number): string {
  return `${recordFileName(sandbox)}.bad-${at}`;
}

/** The sandbox of a damaged record's file; undefined when the file is something else. */
export function sandboxOfDamagedRecordFile(name: string): SandboxId | undefined {
  const sandbox = DAMAGED_RECORD_FILE.exec(name)?.[1];
  return sandbox !== undefined && isSandboxId(sandbox) ? sandbox : undefined;
}

export function statusFileName(sandbox: SandboxId): string {
  return sandbox + STATUS_SUFFIX + RECORD_SUFFIX;
}
