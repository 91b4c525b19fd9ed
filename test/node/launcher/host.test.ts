import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NetnsPath } from "../../../daemon/domain/ids.ts";
import { makeWorkbench, patient } from "../../adapters/launcher/workbench.ts";
import type { Workbench } from "../../adapters/launcher/workbench.ts";

describe.skipIf(process.getuid?.() !== 0)("as root", () => {
  let bench: Workbench;
  beforeAll(() => {
    bench = makeWorkbench();
  });
  afterAll(() => bench.clear());

  it("runs plugins in another mount namespace, which the daemon does not see", async () => {
    const elsewhere = join(bench.directory, "elsewhere");
    mkdirSync(elsewhere);
    const copy = `mount -t tmpfs none "$1" && cp "$0" "$1/describes" && echo ready && exec sleep 60`;
    const other = spawn("unshare", ["-m", "sh", "-c", copy, join(bench.directory, "plugin"), elsewhere]);
    await once(other.stdout, "data");
    const run = bench.run("describes", { searchPath: [elsewhere] });

    const there = bench.launch({ host: { how: "mount-namespace", path: `/proc/${String(other.pid)}/ns/mnt` } });
    const { stdout } = await there.runner.run(run, patient);
    expect(JSON.parse(stdout)).toMatchObject({ self: join(elsewhere, "describes"), directory: "/", openFiles: 3 });

    await expect(bench.launch().runner.run(run, patient)).rejects.toMatchObject({ kind: "delegate-missing" });
    other.kill();
    await once(other, "exit");
  });

  it("runs plugins below another root", async () => {
    const root = join(bench.directory, "root");
    mkdirSync(join(root, "opt/cni/bin"), { recursive: true });
    copyFileSync(join(bench.directory, "plugin"), join(root, "opt/cni/bin/describes"));
    const there = bench.launch({ host: { how: "root", path: root } });
    const { stdout } = await there.runner.run(bench.run("describes", { searchPath: ["/opt/cni/bin"] }), patient);
    expect(JSON.parse(stdout)).toMatchObject({ self: "/opt/cni/bin/describes", directory: "/", openFiles: 3 });
  });

  it("tells the host's network namespace from others below another root, where there is no /proc", async () => {
    const root = join(bench.directory, "bare");
    mkdirSync(root);
    const there = bench.launch({ host: { how: "root", path: root } });
    execFileSync("touch", [join(root, "netns")]);
    execFileSync("mount", ["--bind", "/proc/self/ns/net", join(root, "netns")]);
    try {
      expect(await there.sandboxes.look("/netns" as NetnsPath, [], patient)).toEqual({ found: "host-netns" });
    } finally {
      execFileSync("umount", [join(root, "netns")]);
    }
  });
});
