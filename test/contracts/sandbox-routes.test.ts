import type { NetnsPath } from "../../daemon/domain/ids.ts";
import { memorySandboxRoutes, type RoutesOrNot } from "../fakes/memory-sandbox-routes.ts";
import { sandboxRoutesContract } from "./sandbox-routes.contract.ts";

const SUBNETS: Readonly<Record<string, RegExp>> = { eth0: /^(?:10\.0\.0\.|fd00::)/, net1: /^(?:10\.1\.0\.|fd01::)/ };

// The launcher's answers need root: test/node/launcher.
sandboxRoutesContract("memory", () => {
  const sandboxes = new Map<NetnsPath, RoutesOrNot>([
    ["/run/netns/sandbox" as NetnsPath, { 4: [], 6: [] }],
    ["/run/netns/file" as NetnsPath, "not-a-netns"],
    ["/proc/1/ns/net" as NetnsPath, "host-netns"],
  ]);
  return {
    routes: memorySandboxRoutes(sandboxes, (address, ifName) => SUBNETS[ifName]?.test(address) ?? false),
    sandbox: "/run/netns/sandbox" as NetnsPath,
    missing: "/run/netns/missing" as NetnsPath,
    file: "/run/netns/file" as NetnsPath,
    host: "/proc/1/ns/net" as NetnsPath,
    clear: async () => undefined,
  };
});
