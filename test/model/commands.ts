/** What can happen on a node, as values. */
import * as fc from "fast-check";
import type { Fate } from "./fate.ts";

export const CONTAINERS = ["a", "b", "c"] as const;
export type Container = (typeof CONTAINERS)[number];
export const IF_NAMES = ["eth0", "eth1"] as const;
export type CniIfName = (typeof IF_NAMES)[number];

/** What the runtime speaks of: one ADD of one sandbox. */
export interface Pair {
  readonly container: Container;
  readonly ifName: CniIfName;
}

/** How the name of what is waited for begins. */
export type Kind = "ADD" | "DEL" | "CHECK" | "GC" | "read" | "write" | "remove" | "look" | "publish" | "";

export type Command =
  /** The runtime asks. */
  | ({ readonly do: "ADD" | "DEL" | "CHECK" } & Pair)
  /** It speaks for the network config by which it asks for this interface. */
  | { readonly do: "GC"; readonly ifName: CniIfName }
  | { readonly do: "resume" }
  /** The runtime asked for a DEL while no daemon was there. */
  | ({ readonly do: "spool" } & Pair)
  /** Somebody sets the clock. */
  | { readonly do: "set the clock"; readonly by: number }
  /** So many things that were waited for happen; of those that wait, it is always this one's turn. */
  | { readonly do: "go on"; readonly times: number; readonly turn: number }
  /** The next thing of this kind that is waited for does not end well; what comes before it does. */
  | { readonly do: "fail"; readonly next: Kind; readonly turn: number; readonly fate: Fate }
  /** Nobody waits for this operation any more. */
  | { readonly do: "give up"; readonly turn: number; readonly reach: number }
  /** The daemon dies, and another starts. What was under way then got so far. */
  | { readonly do: "crash"; readonly reaches: readonly number[] }
  /** The pod is gone, and maybe the sandbox's namespace with it. */
  | { readonly do: "end"; readonly container: Container; readonly what: "pod" | "sandbox" };

/** Mostly the same one, so that much happens to it. */
const container = fc.constantFrom(...CONTAINERS, "a", "a");
const ifName = fc.constantFrom(...IF_NAMES);
const turn = fc.nat(4);
/** Steps of a plugin; none has more than three. */
const reach = fc.nat(3);
/** Plugins mostly. */
const next = fc.constantFrom<Kind>(
  "ADD",
  "ADD",
  "ADD",
  "DEL",
  "DEL",
  "DEL",
  "write",
  "remove",
  "look",
  "publish",
  "read",
  "GC",
  "CHECK",
  "",
);
const ends = fc.constantFrom<Fate["ends"]>("refuses", "times out", "is lost", "is missing");

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("ADD"), container, ifName }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("DEL"), container, ifName }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("CHECK"), container, ifName }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("GC"), ifName }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("resume") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("spool"), container, ifName }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("set the clock"), by: fc.integer({ min: -60, max: 60 }) }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant("go on"), times: fc.integer({ min: 1, max: 20 }), turn }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("fail"), next, turn, fate: fc.record({ ends, reach }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("give up"), turn, reach }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("crash"), reaches: fc.array(reach, { minLength: 1, maxLength: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("end"), container, what: fc.constantFrom("pod", "sandbox") }) },
);

export interface Story {
  readonly commands: readonly Command[];
  /** Whether the daemon pays its debts before the runtime deletes everything, or after. */
  readonly resumesFirst: boolean;
}

export const story: fc.Arbitrary<Story> = fc.record({
  commands: fc.array(command, { maxLength: 40, size: "max" }),
  resumesFirst: fc.boolean(),
});
