import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { NetnsPath } from "../../../daemon/domain/ids.ts";
import type { Sandboxes } from "../../../daemon/ports/sandboxes.ts";
import { makeWorkbench, patient, type Workbench } from "../../adapters/launcher/workbench.ts";
import { defaultRoutesContract } from "../../contracts/default-routes.contract.ts";

/** A namespace with the links eth0 and net1. Addresses are usable at once: nobody else is there to have them. */
function makeSandbox() {
  const name = `plexus-test-${randomBytes(4).toString("hex")}`;
  const ip = (...args: readonly string[]) => execFileSync("ip", ["-n", name, ...args], { encoding: "utf8" });
  execFileSync("ip", ["netns", "add", name]);
  ip("link", "add", "eth0", "type", "veth", "peer", "name", "net1");
  ["eth0", "net1"].forEach((link, i) => {
    ip("addr", "add", `10.${i}.0.2/24`, "dev", link);
    ip("addr", "add", `fd0${i}::2/64`, "dev", link, "nodad");
    ip("link", "set", link, "up");
  });
  return { path: `/run/netns/${name}` as NetnsPath, ip, remove: () => execFileSync("ip", ["netns", "delete", name]) };
}

/** Lists the IPv4 routes without the mark that the kernel takes away some time after it has set a link up. */
function shownRoutes({ ip }: ReturnType<typeof makeSandbox>): string {
  return ip("-4", "route", "show").replaceAll("linkdown ", "");
}

describe.skipIf(process.getuid?.() !== 0)("as root", () => {
  defaultRoutesContract("launcher", () => {
    const bench = makeWorkbench();
    const sandbox = makeSandbox();
    const file = join(bench.directory, "file");
    writeFileSync(file, "");
    return {
      sandboxes: bench.launch().sandboxes,
      sandbox: sandbox.path,
      missing: `${sandbox.path}-not` as NetnsPath,
      file: file as NetnsPath,
      host: "/proc/self/ns/net" as NetnsPath,
      clear: async () => {
        sandbox.remove();
        await bench.clear();
      },
    };
  });

  describe("by way of iproute2", () => {
    let bench: Workbench;
    let sandbox: ReturnType<typeof makeSandbox>;
    let sandboxes: Sandboxes;

    beforeEach(() => {
      bench = makeWorkbench();
      sandbox = makeSandbox();
      ({ sandboxes } = bench.launch());
    });
    afterEach(async () => {
      sandbox.remove();
      await bench.clear();
    });

    it.each([
      {
        why: "over several interfaces",
        route: ["nexthop", "via", "10.0.0.1", "dev", "eth0", "nexthop", "via", "10.1.0.1", "dev", "net1"],
      },
      { why: "that leads straight to a link", route: ["dev", "eth0", "scope", "link"] },
      { why: "by way of an IPv6 gateway", route: ["via", "inet6", "fd00::1", "dev", "eth0"] },
      { why: "with a metric and a maker", route: ["via", "10.0.0.1", "dev", "eth0", "metric", "50", "proto", "dhcp"] },
      {
        why: "with a source address and a limit",
        route: ["via", "10.0.0.1", "dev", "eth0", "src", "10.0.0.2", "mtu", "1400"],
      },
      { why: "whose gateway is outside of all subnets", route: ["via", "10.9.9.9", "dev", "eth0", "onlink"] },
    ])("takes away a default route $why, and no other route", async ({ route }) => {
      const before = shownRoutes(sandbox);
      sandbox.ip("-4", "route", "add", "default", ...route);
      expect(await sandboxes.readDefaultRoutes(sandbox.path, 4, patient)).toHaveLength(1);
      await sandboxes.replaceDefaultRoutes(sandbox.path, 4, [], patient);
      expect(shownRoutes(sandbox)).toBe(before);
    });

    it.each([
      { why: "its IPv6 gateway", route: "via inet6 fd00::1" },
      { why: "all its attributes", route: "via 10.0.0.1 proto dhcp src 10.0.0.2 metric 50 mtu 1400 advmss 1300" },
      { why: "its gateway outside of all subnets", route: "via 10.9.9.9 onlink" },
      { why: "no gateway", route: "scope link" },
    ])("puts back a default route that was read, with $why", async ({ route }) => {
      sandbox.ip("-4", "route", "add", "default", "dev", "eth0", ...route.split(" "));
      const before = shownRoutes(sandbox);
      const found = await sandboxes.readDefaultRoutes(sandbox.path, 4, patient);
      const again = found.map((one) => ({ ...one, ifName: "eth0" }));
      await sandboxes.replaceDefaultRoutes(sandbox.path, 4, again, patient);
      expect(shownRoutes(sandbox)).toBe(before);
    });

    it("makes two routes of the same metric", async () => {
      const two = [
        { ifName: "eth0", gateway: "10.0.0.1" },
        { ifName: "net1", gateway: "10.1.0.1" },
      ];
      await sandboxes.replaceDefaultRoutes(sandbox.path, 4, two, patient);
      expect(await sandboxes.readDefaultRoutes(sandbox.path, 4, patient)).toMatchObject(two);
    });

    it("takes the name of an interface as it is, whatever a shell would make of it", async () => {
      const ifName = `n'"#\\$x`;
      sandbox.ip("link", "set", "net1", "down");
      sandbox.ip("link", "set", "net1", "name", ifName);
      sandbox.ip("link", "set", ifName, "up");
      await sandboxes.replaceDefaultRoutes(sandbox.path, 4, [{ ifName, gateway: "10.1.0.1" }], patient);
      expect(await sandboxes.readDefaultRoutes(sandbox.path, 4, patient)).toMatchObject([
        { ifName, gateway: "10.1.0.1" },
      ]);
    });

    it("says what to install where there is no iproute2", async () => {
      const root = join(bench.directory, "root");
      const netns = join(root, "netns");
      mkdirSync(root);
      writeFileSync(netns, "");
      execFileSync("mount", ["--bind", sandbox.path, netns]);
      try {
        const there = bench.launch({ host: { how: "root", path: root } });
        await expect(there.sandboxes.readDefaultRoutes("/netns" as NetnsPath, 4, patient)).rejects.toMatchObject({
          kind: "delegate-missing",
          message: expect.stringContaining("iproute2") as string,
          details: expect.stringContaining("install iproute2") as string,
        });
      } finally {
        execFileSync("umount", [netns]);
      }
    });
  });
});
