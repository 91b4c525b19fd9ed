import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { IfName, NetnsPath } from "../../../daemon/domain/ids.ts";
import { makeWorkbench, patient } from "../../adapters/launcher/workbench.ts";
import { sandboxLinksContract } from "../../contracts/sandbox-links.contract.ts";

describe.skipIf(process.getuid?.() !== 0)("as root", () => {
  sandboxLinksContract("launcher", () => {
    const bench = makeWorkbench();
    const sandbox = `plexus-test-${randomBytes(4).toString("hex")}`;
    const file = join(bench.directory, "file");
    execFileSync("ip", ["netns", "add", sandbox]);
    writeFileSync(file, "");
    return {
      links: bench.launch().links,
      sandbox: `/run/netns/${sandbox}` as NetnsPath,
      missing: `/run/netns/${sandbox}-not` as NetnsPath,
      belowFile: `${file}/sandbox` as NetnsPath,
      file: file as NetnsPath,
      host: "/proc/self/ns/net" as NetnsPath,
      clear: async () => {
        execFileSync("ip", ["netns", "delete", sandbox]);
        await bench.clear();
      },
    };
  });

  it("sees a link come and go, under its other name too", async () => {
    const bench = makeWorkbench();
    const { links } = bench.launch();
    const sandbox = `plexus-test-${randomBytes(4).toString("hex")}`;
    const ip = (...args: readonly string[]) => execFileSync("ip", ["-n", sandbox, ...args]);
    const look = (link: string) => links.look(`/run/netns/${sandbox}` as NetnsPath, link as IfName, patient);
    execFileSync("ip", ["netns", "add", sandbox]);
    try {
      ip("link", "add", "net456789012345", "type", "veth", "peer", "name", "far");
      expect(await look("net456789012345")).toBe("taken");
      expect(await look("net45678901234")).toBe("free");
      ip("link", "property", "add", "dev", "far", "altname", "other");
      expect(await look("other")).toBe("taken");
      ip("link", "delete", "far");
      expect(await look("net456789012345")).toBe("free");
      expect(await look("other")).toBe("free");
    } finally {
      execFileSync("ip", ["netns", "delete", sandbox]);
      await bench.clear();
    }
  });

  it("finds a sandbox by a process in it", async () => {
    const bench = makeWorkbench();
    const process = spawn("unshare", ["-n", "sh", "-c", "echo ready && exec sleep 60"]);
    await once(process.stdout, "data");
    const path = `/proc/${String(process.pid)}/ns/net` as NetnsPath;
    const seen = await bench.launch().links.look(path, "lo" as IfName, patient);
    process.kill();
    await bench.clear();
    expect(seen).toBe("taken");
  });

  it.each(["mnt", "uts", "pid"])("takes a namespace of kind %s for no network namespace", async (kind) => {
    const bench = makeWorkbench();
    const seen = await bench.launch().links.look(`/proc/self/ns/${kind}` as NetnsPath, "lo" as IfName, patient);
    await bench.clear();
    expect(seen).toBe("not-a-netns");
  });
});
