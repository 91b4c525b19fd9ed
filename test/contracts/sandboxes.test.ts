import type { IfName, NetnsIdentity, NetnsPath } from "../../daemon/domain/ids.ts";
import { memorySandboxes, type SandboxOrNot } from "../fakes/memory-sandboxes.ts";
import { defaultRoutesContract } from "./default-routes.contract.ts";
import { sandboxesContract } from "./sandboxes.contract.ts";

// The launcher's answers need root: test/node/launcher.

const sandbox = "/run/netns/sandbox" as NetnsPath;
const file = "/run/netns/file" as NetnsPath;
const host = "/proc/1/ns/net" as NetnsPath;
const missing = "/run/netns/missing" as NetnsPath;

let made = 0;

function makeSandbox(): SandboxOrNot {
  made += 1;
  return {
    identity: `4:4026532281:${made}` as NetnsIdentity,
    links: new Set(["lo" as IfName]),
    routes: { 4: [], 6: [] },
  };
}

sandboxesContract("memory", () => {
  const sameSandbox = "/proc/12/ns/net" as NetnsPath;
  const otherSandbox = "/run/netns/other" as NetnsPath;
  const one = makeSandbox();
  const paths = new Map<NetnsPath, SandboxOrNot>([
    [sandbox, one],
    [sameSandbox, one],
    [otherSandbox, makeSandbox()],
    [file, "not-a-netns"],
    [host, "host-netns"],
  ]);
  return {
    sandboxes: memorySandboxes(paths),
    sandbox,
    sameSandbox,
    otherSandbox,
    missing,
    belowFile: `${file}/sandbox` as NetnsPath,
    file,
    host,
    replaceSandbox: () => paths.set(sandbox, makeSandbox()),
    clear: async () => undefined,
  };
});

const SUBNETS: Readonly<Record<string, RegExp>> = { eth0: /^(?:10\.0\.0\.|fd00::)/, net1: /^(?:10\.1\.0\.|fd01::)/ };

defaultRoutesContract("memory", () => {
  const paths = new Map<NetnsPath, SandboxOrNot>([
    [sandbox, makeSandbox()],
    [file, "not-a-netns"],
    [host, "host-netns"],
  ]);
  return {
    sandboxes: memorySandboxes(paths, (address, ifName) => SUBNETS[ifName]?.test(address) ?? false),
    sandbox,
    missing,
    file,
    host,
    clear: async () => undefined,
  };
});
