import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LAUNCHER, makeWorkbench, patient, pidOf, pidsIn, runs, until } from "./workbench.ts";
import type { NetnsPath } from "../../../daemon/domain/ids.ts";
import type { PluginReport } from "../../../daemon/ports/plugin-runner.ts";
import type { Workbench } from "./workbench.ts";

let bench: Workbench;
beforeAll(() => {
  bench = makeWorkbench();
});
afterAll(() => bench.clear());

describe("a launcher that is killed", () => {
  it("takes every process of its plugins along, and is replaced", async () => {
    const reasons: string[] = [];
    const launcher = bench.launch({ onRestart: (reason) => reasons.push(reason) });
    const pids = join(bench.directory, "orphans");
    const lost = launcher.runner.run(bench.run("hangs", { env: { PIDS: pids } }), patient);
    const [plugin, child] = await pidsIn(pids);
    const first = await pidOf(launcher);

    process.kill(first, "SIGKILL");
    await expect(lost).rejects.toMatchObject({
      kind: "try-again-later",
      message: "the process that runs plugins ended: it was killed by SIGKILL",
    });
    await until("plugin and child to be gone", () => !runs(plugin) && !runs(child));

    const next = await launcher.runner.run(bench.run("echoes", { stdin: "again" }), patient);
    expect(next.stdout).toBe("again");
    expect(await pidOf(launcher)).not.toBe(first);
    expect(reasons).toEqual(["it was killed by SIGKILL"]);
  });

  it("kills its plugins itself when it is asked to end", async () => {
    const launcher = bench.launch();
    const pids = join(bench.directory, "asked");
    const lost = launcher.runner.run(bench.run("hangs", { env: { PIDS: pids } }), patient);
    const [plugin, child] = await pidsIn(pids);
    process.kill(await pidOf(launcher), "SIGTERM");
    await expect(lost).rejects.toMatchObject({ kind: "try-again-later" });
    await until("plugin and child to be gone", () => !runs(plugin) && !runs(child));
  });

  it("is not missed by those who ask while it is replaced", async () => {
    const askedMeanwhile = Promise.withResolvers<PluginReport[]>();
    const ask = () => launcher.runner.run(bench.run("echoes", { stdin: "here" }), patient);
    const launcher = bench.launch({
      onRestart: () => askedMeanwhile.resolve(Promise.all(Array.from({ length: 20 }, ask))),
    });
    process.kill(await pidOf(launcher), "SIGKILL");
    const reports = await askedMeanwhile.promise;
    expect(reports.map(({ stdout }) => stdout)).toEqual(Array(20).fill("here"));
  });
});

describe("a launcher that cannot run", () => {
  it("is tried again, and says why it cannot", async () => {
    const reasons: string[] = [];
    const launcher = bench.launch({
      host: { how: "mount-namespace", path: "/nowhere/mnt" },
      pluginTimeoutMs: 300,
      onRestart: (reason) => reasons.push(reason),
    });
    const why = "cannot open the mount namespace /nowhere/mnt: No such file or directory";
    await expect(launcher.runner.run(bench.run("echoes"), patient)).rejects.toMatchObject({
      kind: "try-again-later",
      message: `the process that runs plugins is not running: it ended with status 1: plexus-launcher: ${why}`,
    });
    expect(reasons.length).toBeGreaterThan(1);
  });

  it("is used as soon as it can", async () => {
    const binary = join(bench.directory, "installed-late");
    const launcher = bench.launch({ binary });
    const early = launcher.runner.run(bench.run("echoes", { stdin: "patience" }), patient);
    await until("the first failure", () => !launcher.state().launcher.up);
    expect(launcher.state().launcher).toMatchObject({ up: false, forMs: expect.any(Number) });
    writeFileSync(`${binary}.new`, `#!/bin/sh\nexec ${LAUNCHER}\n`);
    chmodSync(`${binary}.new`, 0o755);
    renameSync(`${binary}.new`, binary);
    await expect(early).resolves.toMatchObject({ stdout: "patience" });
  });

  it("is not waited for when the request is given up", async () => {
    const launcher = bench.launch({ binary: "/nowhere/plexus-launcher" });
    const given = [AbortSignal.timeout(50), AbortSignal.abort()].map(async (signal) => {
      await expect(launcher.runner.run(bench.run("echoes"), signal)).rejects.toMatchObject({ kind: "try-again-later" });
      const look = launcher.sandboxes.look("/run/netns/x" as NetnsPath, [], signal);
      await expect(look).rejects.toMatchObject({ kind: "try-again-later" });
    });
    await Promise.all(given);
  });

  it.each([
    {
      why: "speaks another version",
      words: "\\034\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\143\\0\\0\\0",
      reason: "version 99",
    },
    { why: "is no launcher at all", words: "hello there\\n", reason: "unintelligible" },
  ])("is not trusted when it $why", async ({ words, reason }) => {
    const binary = join(bench.plugins, `says-${reason.replace(" ", "-")}`);
    bench.script(`says-${reason.replace(" ", "-")}`, `printf '${words}'`, "head -c 16 /dev/zero", "exec sleep 60");
    const reasons: string[] = [];
    bench.launch({ binary, onRestart: (why) => reasons.push(why) });
    await until("it to be given up", () => reasons.length > 0);
    expect(reasons[0]).toContain(reason);
  });
});

describe("the end of the daemon", () => {
  it("is the end of what runs, and of what is asked later", async () => {
    const launcher = bench.launch();
    const pids = join(bench.directory, "stopped");
    const running = launcher.runner.run(bench.run("hangs", { env: { PIDS: pids } }), patient);
    const [plugin, child] = await pidsIn(pids);
    const pid = await pidOf(launcher);
    await launcher.stop();
    await expect(running).rejects.toMatchObject({ kind: "try-again-later" });
    await expect(launcher.runner.run(bench.run("echoes"), patient)).rejects.toMatchObject({ kind: "try-again-later" });
    expect(runs(pid)).toBe(false);
    await until("plugin and child to be gone", () => !runs(plugin) && !runs(child));
  });

  it("takes launcher, plugins and their children along, however it comes", async () => {
    const pids = join(bench.directory, "doomed");
    const script = join(import.meta.dirname, "doomed-daemon.ts");
    const daemon = spawn(process.execPath, [script, LAUNCHER, bench.plugins, pids], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(daemon.stdout, "data")) as [Buffer];
    const launcher = Number(line.toString());
    const [plugin, child] = await pidsIn(pids);
    expect([launcher, plugin, child].map(runs)).toEqual([true, true, true]);
    daemon.kill("SIGKILL");
    await until("all of them to be gone", () => ![launcher, plugin, child].some(runs));
  });
});
