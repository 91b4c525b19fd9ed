import { PlexusError } from "../errors.ts";
import type { IfName } from "../ids.ts";
import type { Placed } from "./dialect.ts";

/** @throws PlexusError `interface-conflict` when two networks would be one interface */
export function refuseClashes(placed: readonly Pick<Placed, "source" | "ifName">[]): void {
  const owners = new Map<IfName, string>();
  for (const { source, ifName } of placed) {
    const { network } = source;
    const other = owners.get(ifName);
    if (other !== undefined) {
      throw new PlexusError(
        "interface-conflict",
        `networks "${other}" and "${network}" both ask for interface ${ifName}`,
        { details: "give one of them another interface name in the pod's networks annotation" },
      );
    }
    owners.set(ifName, network);
  }
}
