import { PlexusError } from "../../domain/errors.ts";
import type { NetnsIdentity, NetnsPath } from "../../domain/ids.ts";
import type { PlannedAttachment } from "../../domain/plan.ts";
import type { Sandboxes } from "../../ports/sandboxes.ts";

/**
 * Looks before a plugin runs, so that the daemon never takes an interface that is there already for
 * one of its own and deletes it (spec §1.2).
 * @returns which namespace it is; undefined for the host's own, which only tests may use
 * @throws PlexusError `interface-conflict`, `invalid-netns`
 */
export async function refuseTakenLinks(
  sandboxes: Pick<Sandboxes, "look">,
  { netns, netnsMayBeHosts }: { readonly netns: NetnsPath; readonly netnsMayBeHosts: boolean },
  planned: readonly Pick<PlannedAttachment, "ifName" | "network">[],
  signal: AbortSignal,
): Promise<NetnsIdentity | undefined> {
  const names = planned.map(({ ifName }) => ifName);
  const view = await sandboxes.look(netns, names, signal);
  const network = planned[0]?.network ?? "";
  switch (view.found) {
    case "sandbox": {
      const taken = planned.find(({ ifName }) => view.present.has(ifName));
      if (taken === undefined) return view.identity;
      const message = `network "${taken.network}": interface name ${taken.ifName} already exists`;
      throw new PlexusError("interface-conflict", message, {
        details: `in network namespace ${netns}; ask for another interface name, or DEL what made it first`,
      });
    }
    case "netns-gone":
      throw new PlexusError("invalid-netns", `network "${network}": no net namespace ${netns} found`, {
        details:
          "the sandbox went away or its namespace is not visible to the daemon; the runtime must make it before ADD",
      });
    case "not-a-netns":
      throw new PlexusError("invalid-netns", `network "${network}": ${netns} is not a network namespace`, {
        details: "the runtime must give the sandbox's namespace in CNI_NETNS",
      });
    case "host-netns":
      if (netnsMayBeHosts) return undefined;
      throw new PlexusError(
        "invalid-netns",
        `network "${network}": plugin's netns and netns from CNI_NETNS should not be the same`,
        { details: `${netns} is the host's own network namespace; pods with hostNetwork need no CNI` },
      );
  }
}
