import { PlexusError } from "../../domain/errors.ts";
import { type IfName, isNetnsIdentity, type NetnsPath } from "../../domain/ids.ts";
import { MOST_NAMES_PER_LOOK, type NetnsView, type Sandboxes } from "../../ports/sandboxes.ts";
import { errnoName, PASSING } from "./errno-name.ts";
import type { SupervisedLauncher } from "./supervised-launcher.ts";
import type { Reply } from "./wire.ts";

/** A look takes a fraction of a millisecond, unless the path leads to a file system that hangs. */
const TIMEOUT_MS = 5000;

const GONE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR"]);

export function launcherLook(launcher: SupervisedLauncher): Sandboxes["look"] {
  return async (netns, ifNames, signal) => {
    if (ifNames.length > MOST_NAMES_PER_LOOK) {
      const limit = `at most ${MOST_NAMES_PER_LOOK} can be looked for`;
      throw new PlexusError("invalid-config", `${ifNames.length} interface names in ${netns}: ${limit}`, {
        details: "ask for fewer networks in the pod's networks annotation",
      });
    }
    const reply = await launcher.ask({ op: "look", netns, links: ifNames, timeoutMs: TIMEOUT_MS }, signal);
    return viewOf(reply, netns, ifNames);
  };
}

function viewOf(reply: Reply, netns: NetnsPath, ifNames: readonly IfName[]): NetnsView {
  const { kind, code } = reply;
  switch (kind) {
    case "looked":
      return sandboxView(reply, netns, ifNames);
    case "not-a-netns":
    case "host-netns":
      return { found: kind };
    case "cancelled":
      throw new PlexusError("try-again-later", `the look into network namespace ${netns} was cancelled`);
    case "cannot-open-netns":
      if (GONE.has(errnoName(code))) return { found: "netns-gone" };
      throw failure(netns, errnoName(code));
    case "timed-out":
      throw failure(netns, `the launcher's look took longer than ${TIMEOUT_MS / 1000} s`);
    case "killed":
      throw failure(netns, `signal ${code} killed the launcher's process`);
    default:
      throw failure(netns, errnoName(code));
  }
}

/** The launcher writes one line for the identity, then one for each name that is there. */
function sandboxView({ stdout }: Reply, netns: NetnsPath, ifNames: readonly IfName[]): NetnsView {
  const [identity = "", ...lines] = stdout.toString("utf8").split("\n");
  if (!isNetnsIdentity(identity)) throw failure(netns, "the launcher's answer names no namespace");
  const there = new Set(lines);
  return { found: "sandbox", identity, present: new Set(ifNames.filter((ifName) => there.has(ifName))) };
}

function failure(netns: NetnsPath, reason: string): PlexusError {
  const kind = PASSING.has(reason) ? "try-again-later" : "io-failure";
  return new PlexusError(kind, `the launcher cannot look into network namespace ${netns}: ${reason}`);
}
