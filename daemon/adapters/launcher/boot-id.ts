import { readFileSync } from "node:fs";
import { PlexusError } from "../../domain/errors.ts";
import { type BootId, isBootId } from "../../domain/ids.ts";

/** The same in every container of the node: no namespace hides it. */
const FILE = "/proc/sys/kernel/random/boot_id";

/** Throws a PlexusError `io-failure` where /proc is not mounted. Blocks for microseconds. */
export function readBootId(): BootId {
  let text: string;
  try {
    text = readFileSync(FILE, "utf8").trim();
  } catch (cause) {
    throw new PlexusError("io-failure", `the node's boot id cannot be read from ${FILE}`, {
      details: "the daemon needs /proc",
      cause,
    });
  }
  if (isBootId(text)) return text;
  throw new PlexusError("io-failure", `${FILE} holds ${JSON.stringify(text.slice(0, 80))}, which is no boot id`, {
    details: "the daemon needs the kernel's own /proc",
  });
}
