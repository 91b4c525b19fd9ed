import type { BootId, NetnsIdentity, NetnsPath } from "../domain/ids.ts";
import type { JsonText } from "../domain/json/json-object.ts";

/** The network namespace to which a DEL's CNI_NETNS led when the shim spooled it. */
export interface SpooledNetns {
  readonly identity: NetnsIdentity;
  readonly bootId: BootId;
  /**
   * Where the shim keeps the namespace alive, in the host's mount namespace, until `remove`. Undefined when it could
   * not, or when the node has been booted since. Plugins can undo inside it even if CNI_NETNS is gone.
   */
  readonly keptAt?: NetnsPath;
}

/** A DEL that the shim spooled because no daemon listened. */
export interface SpooledDel {
  /** Names the entry to `remove`. */
  readonly id: string;
  /** When the runtime asked, in milliseconds since the epoch. For people and for the order only: the clock may have been set since. */
  readonly at: number;
  readonly containerId: string;
  readonly ifName: string;
  /** CNI_NETNS as given; may be empty. */
  readonly netns: string;
  /** Undefined when CNI_NETNS led to no network namespace, or to the host's. */
  readonly spooledNetns?: SpooledNetns;
  readonly netnsOverride: string;
  /** CNI_ARGS as given. */
  readonly args: string;
  /** CNI_PATH as given. */
  readonly path: string;
  /** The network config as given. */
  readonly conf: JsonText;
}

export interface Spool {
  /** Pending DELs, oldest first. The adapter sets aside and reports an entry that it cannot read, and leaves it out. */
  entries(): Promise<readonly SpooledDel[]>;
  /** The pending DEL of this container and interface; undefined also for one that `entries` would leave out. Rejects with `io-failure`. */
  find(containerId: string, ifName: string): Promise<SpooledDel | undefined>;
  /** The DEL is done: the entry goes, and the namespace that it kept. Removing what is not there succeeds. Rejects with `io-failure`. */
  remove(id: string): Promise<void>;
}
