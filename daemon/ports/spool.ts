import type { JsonText } from "../domain/json/json-object.ts";

/** DELs that the executable could not hand over because no daemon listened; each is owed. */
export interface SpooledDel {
  /** Names the entry to `remove`. */
  readonly id: string;
  /** When the runtime asked, in milliseconds since the epoch. For people and for the order only: the clock may have been set since. */
  readonly at: number;
  readonly containerId: string;
  readonly ifName: string;
  /** CNI_NETNS as given; may be empty. */
  readonly netns: string;
  readonly netnsOverride: string;
  /** CNI_ARGS as given. */
  readonly args: string;
  /** CNI_PATH as given. */
  readonly path: string;
  /** The network config as given. */
  readonly conf: JsonText;
}

export interface Spool {
  /** What is owed, oldest first. An entry that cannot be read is set aside, reported by the adapter, and not returned. */
  entries(): Promise<readonly SpooledDel[]>;
  /** The DEL that waits for this container and interface; undefined also when it is one that `entries` would not return. Rejects with `io-failure`. */
  find(containerId: string, ifName: string): Promise<SpooledDel | undefined>;
  /** The debt is paid. Removing what is not there succeeds. Rejects with `io-failure`. */
  remove(id: string): Promise<void>;
}
