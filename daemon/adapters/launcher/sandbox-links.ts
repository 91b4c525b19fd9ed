import { PlexusError } from "../../domain/errors.ts";
import type { LinkView, SandboxLinks } from "../../ports/sandbox-links.ts";
import { errnoName } from "./errno-name.ts";
import type { SupervisedLauncher } from "./supervised-launcher.ts";
import type { ReplyKind } from "./wire.ts";

/** It takes a fraction of a millisecond, unless the path leads to a file system that hangs. */
const TIMEOUT_MS = 5000;

const GONE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR"]);

const VIEWS: Partial<Record<ReplyKind, LinkView>> = {
  "link-exists": "taken",
  "no-such-link": "free",
  "not-a-netns": "not-a-netns",
  "host-netns": "host-netns",
};

export function launcherSandboxLinks(launcher: SupervisedLauncher): SandboxLinks {
  return {
    look: async (netns, link, signal) => {
      const { kind, code } = await launcher.ask({ op: "find-link", netns, link, timeoutMs: TIMEOUT_MS }, signal);
      const view = VIEWS[kind];
      if (view !== undefined) return view;
      if (kind === "cannot-open-netns" && GONE.has(errnoName(code))) return "netns-gone";
      if (kind === "cancelled") {
        throw new PlexusError("try-again-later", `looking into network namespace ${netns} was given up`);
      }
      throw new PlexusError(
        "io-failure",
        `network namespace ${netns} could not be looked into: ${reasonFor(kind, code)}`,
      );
    },
  };
}

function reasonFor(kind: ReplyKind, code: number): string {
  if (kind === "timed-out") return `it took longer than ${TIMEOUT_MS / 1000} s`;
  if (kind === "killed") return `its process was killed by signal ${code}`;
  return errnoName(code);
}
