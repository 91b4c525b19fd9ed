import { PlexusError } from "../../daemon/domain/errors.ts";
import type { IfName, NetnsPath } from "../../daemon/domain/ids.ts";
import type { SandboxLinks } from "../../daemon/ports/sandbox-links.ts";

/** What a path leads to: a sandbox with these links, or something else that can be opened. */
export type Openable = ReadonlySet<IfName> | "not-a-netns" | "host-netns";

/** Looks into `openable`, which the test may change at any time. A path that is not in it is gone. */
export function memorySandboxLinks(openable: ReadonlyMap<NetnsPath, Openable>): SandboxLinks {
  return {
    look: async (netns, ifName, signal) => {
      if (signal.aborted) throw new PlexusError("try-again-later", `looking for ${ifName} was given up`);
      const found = openable.get(netns) ?? "netns-gone";
      if (typeof found === "string") return found;
      return found.has(ifName) ? "taken" : "free";
    },
  };
}
