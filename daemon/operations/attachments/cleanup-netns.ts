/** Which network namespace the plugins of a cleanup are told. */
import { PlexusError } from "../../domain/errors.ts";
import { isNetnsPath, type NetnsIdentity } from "../../domain/ids.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import type { Sandboxes } from "../../ports/sandboxes.ts";
import { podPrefix } from "./pod-prefix.ts";

export interface CleanupNetns {
  /**
   * CNI_NETNS for the plugins. A gone namespace keeps the path that they knew: some plugins, sriov
   * among them, only undo what they are told the path of. Empty where another namespace may be there.
   */
  readonly path: string;
  readonly isGone: boolean;
}

/** The namespace is gone and its path may belong to another sandbox. */
const NO_NETNS: CleanupNetns = { path: "", isGone: true };

/** What a call says of the namespace. */
export interface ToldNetns {
  /** CNI_NETNS; empty when the container runtime knows of none. */
  readonly netns: string;
  readonly netnsMayBeHosts: boolean;
}

/** The daemon's own cleanup: the namespace of the record is meant. */
export const AS_RECORDED = "as-recorded" as const;

/** @throws PlexusError `invalid-netns` for a call that names the host's own namespace */
export async function cleanupNetns(
  sandboxes: Pick<Sandboxes, "look" | "bootId">,
  record: Pick<SandboxRecord, "netns" | "netnsIdentity" | "bootId" | "pod">,
  told: ToldNetns | typeof AS_RECORDED,
  signal: AbortSignal,
): Promise<CleanupNetns> {
  const named = told === AS_RECORDED ? "" : told.netns;
  const path = named === "" ? record.netns : named;
  if (!isNetnsPath(path) || path.startsWith("/dev/")) return NO_NETNS;
  const view = await sandboxes.look(path, [], signal);
  switch (view.found) {
    case "sandbox": {
      const here = { path, isGone: false };
      // @promise another-sandbox-at-the-path-is-not-touched
      if (isAnother(record, view.identity, sandboxes)) return NO_NETNS;
      if (named !== "") return here;
      // Without an identity on record, a path below /proc may be of another process by now.
      const isKnown = record.netnsIdentity !== undefined || !path.startsWith("/proc/");
      return told === AS_RECORDED && isKnown ? here : NO_NETNS;
    }
    case "netns-gone":
    case "not-a-netns":
      // A path below /proc names a process, whose number another process may have by the time a plugin looks.
      return path.startsWith("/proc/") ? NO_NETNS : { path, isGone: true };
    case "host-netns":
      if (named === "") return NO_NETNS;
      if (told !== AS_RECORDED && told.netnsMayBeHosts) return { path, isGone: false };
      throw new PlexusError(
        "invalid-netns",
        `${podPrefix(record.pod)}CNI_NETNS ${path} is the host's own network namespace`,
        {
          details:
            "refused, because plugins would delete interfaces of the node; the runtime must name the sandbox's namespace or none",
        },
      );
  }
}

/** Whether the record proves that the namespace is not the one that its attachments were made in. */
export function isAnother(
  record: Pick<SandboxRecord, "netnsIdentity" | "bootId">,
  found: NetnsIdentity,
  { bootId }: Pick<Sandboxes, "bootId">,
): boolean {
  if (record.netnsIdentity === undefined) return false;
  return record.netnsIdentity !== found || record.bootId !== bootId;
}

/**
 * The rule by which the container runtime need not wait for a cleanup that fails: the attachment never
 * worked, or its namespace and its pod are both gone; and its interface is not in the namespace.
 */
export function releaseRule(
  sandboxes: Pick<Sandboxes, "look">,
  netns: CleanupNetns,
  isPodGone: () => Promise<boolean>,
  signal: AbortSignal,
): (attachment: RecordedAttachment) => Promise<boolean> {
  return async ({ ifName, state }) => {
    const neverWorked = state === "intended";
    if (!neverWorked && !(netns.isGone && (await isPodGone()))) return false;
    if (netns.isGone || !isNetnsPath(netns.path)) return true;
    const view = await sandboxes.look(netns.path, [ifName], signal);
    return view.found !== "sandbox" || !view.present.has(ifName);
  };
}
