import { PlexusError } from "../../domain/errors.ts";
import { errnoName } from "./errno-name.ts";
import type { SupervisedLauncher } from "./supervised-launcher.ts";

const TIMEOUT_MS = 5_000;

/**
 * Ends what is mounted on a file, in the host's mount namespace, which the launcher is in, and removes the file.
 * A file that is missing is fine. Rejects with `io-failure`, or `try-again-later` when the launcher ends first.
 */
export function launcherUnmount(launcher: SupervisedLauncher): (path: string) => Promise<void> {
  return async (path) => {
    const signal = AbortSignal.timeout(2 * TIMEOUT_MS);
    const { kind, code } = await launcher.ask({ op: "unmount", path, timeoutMs: TIMEOUT_MS }, signal);
    if (kind === "exited" && code === 0) return;
    const why = kind === "cannot-start" ? errnoName(code) : `the launcher's answer is ${kind} ${code}`;
    throw new PlexusError("io-failure", `${path} cannot be unmounted: ${why}`, {
      details: `look at what is mounted there: findmnt ${path}`,
    });
  };
}
