import type { IfName, NetnsPath } from "../domain/ids.ts";

/** What was found where a sandbox's interface is, or is to be. */
export type LinkView =
  /** The namespace is there and has no interface of that name. */
  | "free"
  /** The namespace is there and so is the interface. */
  | "taken"
  /** Nothing can be opened at the path: it is missing, or a part of it is no directory. */
  | "netns-gone"
  /** Something can be opened there, but it is no network namespace. */
  | "not-a-netns"
  /** The path leads to the network namespace of the host itself (same device and inode as the launcher's own). */
  | "host-netns";

/** Looks into a sandbox's network namespace. */
export interface SandboxLinks {
  /** Rejects with `try-again-later` if the signal was raised first or whatever looks died, and with `io-failure` for any other trouble. */
  look(netns: NetnsPath, ifName: IfName, signal: AbortSignal): Promise<LinkView>;
}
