import { readFile } from "node:fs/promises";
import { PlexusError } from "../../domain/errors.ts";

/**
 * The id of a group of this host, or of this container when the daemon runs in one.
 * @throws PlexusError `invalid-config` when there is no such group, `io-failure` when the groups cannot be read
 */
export async function groupId(group: string | number, file = "/etc/group"): Promise<number> {
  if (typeof group === "number") return group;
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new PlexusError("io-failure", `cannot read ${file} to find the group ${group}`, { cause });
  });
  const found = text
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === group);
  const id = Number(found?.[2]);
  if (Number.isInteger(id)) return id;
  throw new PlexusError("invalid-config", `inspectorGroup: ${file} has no group ${group}`, {
    details: "give the group's number, which is the same in a container and on its host",
  });
}
