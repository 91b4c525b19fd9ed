import type { IfName, NetnsPath } from "../../daemon/domain/ids.ts";
import { memorySandboxLinks } from "../fakes/memory-sandbox-links.ts";
import type { Openable } from "../fakes/memory-sandbox-links.ts";
import { sandboxLinksContract } from "./sandbox-links.contract.ts";

const openable: ReadonlyMap<NetnsPath, Openable> = new Map<NetnsPath, Openable>([
  ["/run/netns/sandbox" as NetnsPath, new Set(["lo" as IfName])],
  ["/run/netns/file" as NetnsPath, "not-a-netns"],
  ["/proc/1/ns/net" as NetnsPath, "host-netns"],
]);

// The launcher's answers need root: test/node/launcher.
sandboxLinksContract("memory", () => ({
  links: memorySandboxLinks(openable),
  sandbox: "/run/netns/sandbox" as NetnsPath,
  missing: "/run/netns/missing" as NetnsPath,
  belowFile: "/run/netns/file/sandbox" as NetnsPath,
  file: "/run/netns/file" as NetnsPath,
  host: "/proc/1/ns/net" as NetnsPath,
  clear: async () => undefined,
}));
