import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IfName, NetnsPath } from "../../../daemon/domain/ids.ts";
import type { Launcher } from "../../../daemon/adapters/launcher/launcher.ts";
import { makeWorkbench, patient, type Workbench } from "../../adapters/launcher/workbench.ts";
import { sandboxesContract } from "../../contracts/sandboxes.contract.ts";

function nameSandbox(): string {
  return `plexus-test-${randomBytes(4).toString("hex")}`;
}

describe.skipIf(process.getuid?.() !== 0)("as root", () => {
  sandboxesContract("launcher", () => {
    const bench = makeWorkbench();
    const [sandbox, otherSandbox] = [nameSandbox(), nameSandbox()];
    const [file, sameSandbox] = [join(bench.directory, "file"), join(bench.directory, "same")];
    for (const name of [sandbox, otherSandbox]) execFileSync("ip", ["netns", "add", name]);
    for (const path of [file, sameSandbox]) writeFileSync(path, "");
    execFileSync("mount", ["--bind", `/run/netns/${sandbox}`, sameSandbox]);
    let bound = true;
    const unbind = () => {
      if (bound) execFileSync("umount", [sameSandbox]);
      bound = false;
    };
    return {
      sandboxes: bench.launch().sandboxes,
      sandbox: `/run/netns/${sandbox}` as NetnsPath,
      sameSandbox: sameSandbox as NetnsPath,
      otherSandbox: `/run/netns/${otherSandbox}` as NetnsPath,
      missing: `/run/netns/${sandbox}-not` as NetnsPath,
      belowFile: `${file}/sandbox` as NetnsPath,
      file: file as NetnsPath,
      host: "/proc/self/ns/net" as NetnsPath,
      replaceSandbox: () => {
        unbind();
        execFileSync("ip", ["netns", "delete", sandbox]);
        execFileSync("ip", ["netns", "add", sandbox]);
      },
      clear: async () => {
        unbind();
        for (const name of [sandbox, otherSandbox]) execFileSync("ip", ["netns", "delete", name]);
        await bench.clear();
      },
    };
  });

  describe("a look", () => {
    let bench: Workbench;
    let sandboxes: Launcher["sandboxes"];
    beforeAll(() => {
      bench = makeWorkbench();
      ({ sandboxes } = bench.launch());
    });
    afterAll(() => bench.clear());

    const look = (path: string, ...names: readonly string[]) =>
      sandboxes.look(path as NetnsPath, names as readonly IfName[], patient);

    it("sees links come and go, under their other names too", async () => {
      const sandbox = nameSandbox();
      const ip = (...args: readonly string[]) => execFileSync("ip", ["-n", sandbox, ...args]);
      const present = async () => {
        const view = await look(`/run/netns/${sandbox}`, "net456789012345", "net45678901234", "far", "other", "lo");
        return "present" in view && [...view.present];
      };
      execFileSync("ip", ["netns", "add", sandbox]);
      try {
        expect(await present()).toEqual(["lo"]);
        ip("link", "add", "net456789012345", "type", "veth", "peer", "name", "far");
        expect(await present()).toEqual(["net456789012345", "far", "lo"]);
        ip("link", "property", "add", "dev", "far", "altname", "other");
        expect(await present()).toEqual(["net456789012345", "far", "other", "lo"]);
        ip("link", "delete", "far");
        expect(await present()).toEqual(["lo"]);
      } finally {
        execFileSync("ip", ["netns", "delete", sandbox]);
      }
    });

    it("names device and inode of the namespace's file, and its cookie", async () => {
      const sandbox = nameSandbox();
      execFileSync("ip", ["netns", "add", sandbox]);
      try {
        const { dev, ino } = statSync(`/run/netns/${sandbox}`);
        const identity = expect.stringMatching(`^${dev}:${ino}:\\d+$`) as string;
        expect(await look(`/run/netns/${sandbox}`)).toMatchObject({ identity });
      } finally {
        execFileSync("ip", ["netns", "delete", sandbox]);
      }
    });

    it("finds a sandbox by a process in it", async () => {
      const process = spawn("unshare", ["-n", "sh", "-c", "echo ready && exec sleep 60"]);
      await once(process.stdout, "data");
      const seen = await look(`/proc/${String(process.pid)}/ns/net`, "lo");
      process.kill();
      expect(seen).toMatchObject({ found: "sandbox", present: new Set(["lo"]) });
    });

    it.each(["mnt", "uts", "pid"])("takes a namespace of kind %s for no network namespace", async (kind) => {
      expect(await look(`/proc/self/ns/${kind}`)).toEqual({ found: "not-a-netns" });
    });
  });
});
