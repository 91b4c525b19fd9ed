import type { Sandboxes } from "../../ports/sandboxes.ts";
import { readBootId } from "./boot-id.ts";
import { launcherDefaultRoutes } from "./default-routes.ts";
import { launcherLook } from "./look-into-netns.ts";
import type { SupervisedLauncher } from "./supervised-launcher.ts";

/** The launcher looks and changes: it is in the host's mount namespace, where the paths lead somewhere. */
export function launcherSandboxes(launcher: SupervisedLauncher): Sandboxes {
  return { bootId: readBootId(), look: launcherLook(launcher), ...launcherDefaultRoutes(launcher) };
}
