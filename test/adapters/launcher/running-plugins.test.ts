import { chmodSync, closeSync, copyFileSync, mkdirSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Launcher } from "../../../daemon/adapters/launcher/launcher.ts";
import { LAUNCHER, makeWorkbench, patient, pidsIn, runs, until } from "./workbench.ts";
import type { Workbench } from "./workbench.ts";

let bench: Workbench;
let launcher: Launcher;
beforeAll(() => {
  bench = makeWorkbench();
  launcher = bench.launch();
});
afterAll(() => bench.clear());

function launcherFiles(): readonly string[] {
  const state = launcher.state().launcher;
  return readdirSync(`/proc/${state.up ? String(state.pid) : "self"}/fd`);
}

describe("a plugin", () => {
  it("inherits nothing that the launcher was started with", async () => {
    const litter = ["umask 077", "trap '' HUP PIPE CHLD USR1", "exec 9</dev/null", "cd /tmp"];
    bench.script("littered", ...litter, `exec ${LAUNCHER}`);
    const littered = bench.launch({ binary: join(bench.plugins, "littered") });
    const { stdout } = await littered.runner.run(bench.run("describes"), patient);
    expect(JSON.parse(stdout)).toEqual({
      self: join(bench.plugins, "describes"),
      directory: "/",
      leadsItsGroup: true,
      openFiles: 3,
      ignoredSignals: 0,
      blockedSignals: 0,
      umask: 0o022,
    });
  });

  it("can open its stderr anew without losing what it wrote", async () => {
    bench.script("appends", "echo first >&2", "echo second >/dev/stderr", "echo third >&2");
    const { stderr } = await launcher.runner.run(bench.run("appends"), patient);
    expect(stderr).toBe("first\nsecond\nthird\n");
  });

  it("may leave its stdin unread, and be handed a megabyte of it", async () => {
    const report = await launcher.runner.run(bench.run("fails", { stdin: "x".repeat(1 << 20) }), patient);
    expect(report.ending).toEqual({ how: "exited", status: 3 });
  });

  it("gets and gives a megabyte", async () => {
    const stdin = "0123456789abcdef".repeat(1 << 16);
    const { stdout } = await launcher.runner.run(bench.run("echoes", { stdin }), patient);
    expect(stdout).toBe(stdin);
  });

  it("is charged with the time and memory it took", async () => {
    const { cpuMs, maxRssKib } = await launcher.runner.run(bench.run("burns"), patient);
    expect(cpuMs).toBeGreaterThan(1);
    expect(maxRssKib).toBeGreaterThan(32 << 10);
  });

  it("runs beside 299 others, and each gets its own answer", async () => {
    const numbers = Array.from({ length: 300 }, (_none, i) => i);
    const reports = await Promise.all(
      numbers.map((i) =>
        launcher.runner.run(bench.run("echoes", { env: { N: `${i}` }, stdin: `${i} `.repeat(i * 5) }), patient),
      ),
    );
    expect(reports.map(({ stdout, stderr }) => stdout + stderr)).toEqual(
      numbers.map((i) => `${`${i} `.repeat(i * 5)}N=${i}\n`),
    );
  });

  it("leaves no open files behind in the launcher, however it ended", async () => {
    await launcher.runner.run(bench.run("echoes"), patient);
    const before = launcherFiles();
    const types = ["echoes", "fails", "crashes", "floods", "no-such-plugin", "hangs"];
    const some = types.flatMap((type) => Array<string>(5).fill(type));
    const hasty = AbortSignal.timeout(300);
    await Promise.allSettled(some.map((type) => launcher.runner.run(bench.run(type), hasty)));
    await launcher.runner.run(bench.run("echoes"), patient);
    expect(launcherFiles()).toEqual(before);
  });
});

describe("a group", () => {
  it("is killed to the last process when its time is up", async () => {
    const pids = join(bench.directory, "late");
    const hasty = bench.launch({ pluginTimeoutMs: 300 });
    const late = hasty.runner.run(bench.run("hangs", { env: { PIDS: pids } }), patient);
    await expect(late).rejects.toMatchObject({
      kind: "delegate-timed-out",
      message: 'plugin "hangs" did not finish within 0.3 s and was killed',
    });
    const [plugin, child] = await pidsIn(pids);
    expect(runs(plugin)).toBe(false);
    await until("the plugin's child to be gone", () => !runs(child));
  });

  it("is killed to the last process when the request is given up", async () => {
    const pids = join(bench.directory, "given-up");
    const request = new AbortController();
    const stopped = launcher.runner.run(bench.run("hangs", { env: { PIDS: pids } }), request.signal);
    const [plugin, child] = await pidsIn(pids);
    expect([runs(plugin), runs(child)]).toEqual([true, true]);
    request.abort();
    await expect(stopped).rejects.toMatchObject({ kind: "try-again-later" });
    expect(runs(plugin)).toBe(false);
    await until("the plugin's child to be gone", () => !runs(child));
  });

  describe.each([
    { what: "a child in a session of its own", type: "strays" },
    { what: "a daemon whose parent has ended", type: "spawns-daemon" },
  ])("with $what", ({ type }) => {
    const stray = async (how: string) => {
      const pids = join(bench.directory, `${type}-${how}`);
      const request = new AbortController();
      const hasty = bench.launch({ pluginTimeoutMs: how === "late" ? 300 : 60_000 });
      const ended = hasty.runner.run(bench.run(type, { env: { PIDS: pids } }), request.signal);
      const outcome = expect(ended).rejects.toMatchObject({ code: expect.any(Number) as number });
      const [, child] = await pidsIn(pids);
      return { request, hasty, outcome, child };
    };

    it("is killed to the last process when its time is up", async () => {
      const { outcome, child } = await stray("late");
      await outcome;
      await until("the stray to be gone", () => !runs(child));
    });

    it("is killed to the last process when the request is given up", async () => {
      const { request, outcome, child } = await stray("given-up");
      expect(runs(child)).toBe(true);
      request.abort();
      await outcome;
      await until("the stray to be gone", () => !runs(child));
    });

    it("is killed to the last process when the daemon stops", async () => {
      const { hasty, outcome, child } = await stray("stopped");
      await hasty.stop();
      await outcome;
      await until("the stray to be gone", () => !runs(child));
    });
  });

  it.each([
    { type: "floods", stream: "stdout" },
    { type: "floods-stderr", stream: "stderr" },
  ])("is killed when it $type", async ({ type, stream }) => {
    await expect(launcher.runner.run(bench.run(type), patient)).rejects.toMatchObject({
      kind: "delegate-failed",
      message: `plugin "${type}" wrote more than 1048576 bytes to ${stream} and was killed`,
    });
  });

  it("may say as much as the limit, and not a byte more", async () => {
    const narrow = bench.launch({ maxOutputBytes: 100_000 });
    const full = await narrow.runner.run(bench.run("echoes", { stdin: "x".repeat(100_000) }), patient);
    expect(full.stdout).toHaveLength(100_000);
    const over = narrow.runner.run(bench.run("echoes", { stdin: "x".repeat(100_001) }), patient);
    await expect(over).rejects.toMatchObject({ kind: "delegate-failed" });
  });

  it("is left alone when its plugin has ended well, and not waited for though it holds the pipes", async () => {
    const pids = join(bench.directory, "left");
    const report = await launcher.runner.run(bench.run("leaves", { env: { PIDS: pids } }), patient);
    const [, child] = await pidsIn(pids);
    expect(report).toMatchObject({ ending: { how: "exited", status: 0 }, stdout: "left" });
    expect(runs(child)).toBe(true);
    process.kill(child, "SIGKILL");
  });
});

describe("the search path", () => {
  it("passes over what is no file", async () => {
    const decoys = join(bench.directory, "decoys");
    mkdirSync(join(decoys, "echoes"), { recursive: true });
    writeFileSync(join(bench.directory, "a-file"), "");
    const searchPath = [decoys, join(bench.directory, "a-file"), bench.plugins];
    const report = await launcher.runner.run(bench.run("echoes", { searchPath, stdin: "found" }), patient);
    expect(report.stdout).toBe("found");
  });

  it("is made of absolute directories only", async () => {
    const lost = launcher.runner.run(bench.run("sh", { searchPath: ["bin", "", "/nowhere"] }), patient);
    await expect(lost).rejects.toMatchObject({ message: 'failed to find plugin "sh" in path [/nowhere]' });
  });

  it.each([
    {
      why: "it lacks the execute permission",
      name: "unexecutable",
      mode: 0o644,
      text: "#!/bin/sh\n",
      reason: "(EACCES)",
    },
    { why: "it is no program", name: "text", mode: 0o755, text: "just text\n", reason: "(ENOEXEC)" },
    { why: "its interpreter is missing", name: "orphan", mode: 0o755, text: "#!/nowhere/sh\n", reason: "(ENOENT)" },
  ])("ends at a file that cannot be executed because $why", async ({ name, mode, text, reason }) => {
    const broken = join(bench.directory, "broken");
    mkdirSync(broken, { recursive: true });
    writeFileSync(join(broken, name), text, { mode });
    const refused = launcher.runner.run(bench.run(name, { searchPath: [broken, bench.plugins] }), patient);
    await expect(refused).rejects.toMatchObject({
      kind: "delegate-missing",
      message: expect.stringMatching(`^plugin ${join(broken, name)} cannot be executed: .*`) as string,
    });
    await expect(refused).rejects.toThrow(reason);
  });
});

describe("a plugin that is being written", () => {
  function openForWriting(name: string): number {
    const path = join(bench.plugins, name);
    copyFileSync(join(bench.directory, "plugin"), path);
    chmodSync(path, 0o755);
    return openSync(path, "r+");
  }

  it("is run once it is finished (T279)", async () => {
    const file = openForWriting("fails-later");
    const tried = launcher.runner.run(bench.run("fails-later"), patient);
    setTimeout(() => closeSync(file), 120);
    await expect(tried).resolves.toMatchObject({ ending: { how: "exited", status: 98 } });
  });

  it("is given up when it never is", async () => {
    const file = openForWriting("never-finished");
    const impatient = bench.launch({ busyPausesMs: [1, 1] });
    const tried = impatient.runner.run(bench.run("never-finished"), patient);
    await expect(tried).rejects.toMatchObject({ kind: "try-again-later" });
    await expect(tried).rejects.toThrow("ETXTBSY");
    closeSync(file);
  });

  it("is not waited for when the request is given up", async () => {
    const file = openForWriting("unwanted");
    const slow = bench.launch({ busyPausesMs: [1_000_000] });
    const tried = slow.runner.run(bench.run("unwanted"), AbortSignal.timeout(50));
    await expect(tried).rejects.toMatchObject({ kind: "try-again-later" });
    closeSync(file);
  });
});

describe("the queue", () => {
  it("runs no more plugins at a time than it may, and the others in their turn", async () => {
    const narrow = bench.launch({ maxRunning: 2 });
    const first = new AbortController();
    const hanging = Promise.allSettled(
      ["a", "b"].map((name) =>
        narrow.runner.run(bench.run("hangs", { env: { PIDS: join(bench.directory, name) } }), first.signal),
      ),
    );
    const queued = narrow.runner.run(bench.run("echoes", { stdin: "at last" }), patient);
    await pidsIn(join(bench.directory, "a"));
    await pidsIn(join(bench.directory, "b"));
    expect(narrow.state()).toMatchObject({ running: 2, waiting: 1 });
    first.abort();
    await expect(queued).resolves.toMatchObject({ stdout: "at last" });
    await expect(hanging).resolves.toMatchObject([{ status: "rejected" }, { status: "rejected" }]);
    expect(narrow.state()).toMatchObject({ running: 0, waiting: 0 });
  });

  it("lets a request leave that is given up before its turn", async () => {
    const narrow = bench.launch({ maxRunning: 1 });
    const first = new AbortController();
    const second = new AbortController();
    const hanging = narrow.runner.run(bench.run("hangs"), first.signal);
    const queued = narrow.runner.run(bench.run("echoes"), second.signal);
    second.abort();
    await expect(queued).rejects.toMatchObject({ kind: "try-again-later" });
    expect(narrow.state()).toMatchObject({ running: 1, waiting: 0 });
    first.abort();
    await expect(hanging).rejects.toMatchObject({ kind: "try-again-later" });
  });

  it("keeps the place of a plugin that is being killed until it is gone", async () => {
    const narrow = bench.launch({ maxRunning: 1 });
    const pids = join(bench.directory, "dying");
    const request = new AbortController();
    const hanging = narrow.runner.run(bench.run("hangs", { env: { PIDS: pids } }), request.signal);
    const [plugin] = await pidsIn(pids);
    const next = narrow.runner.run(bench.run("echoes"), patient).then(() => runs(plugin));
    request.abort();
    expect(narrow.state()).toMatchObject({ running: 1, waiting: 1 });
    await expect(hanging).rejects.toMatchObject({ kind: "try-again-later" });
    expect(await next).toBe(false);
  });
});

describe("what cannot be passed on", () => {
  it.each([
    { why: "a variable without a name", env: { "": "x" } },
    { why: "a name with an equals sign", env: { "A=B": "x" } },
    { why: "a value with a NUL", env: { A: "x\0y" } },
  ])("is refused: $why", async ({ env }) => {
    const refused = launcher.runner.run(bench.run("echoes", { env }), patient);
    await expect(refused).rejects.toMatchObject({ kind: "invalid-environment" });
  });

  it("is refused: more stdin than a launcher takes", async () => {
    const refused = launcher.runner.run(bench.run("echoes", { stdin: "x".repeat(17 << 20) }), patient);
    await expect(refused).rejects.toMatchObject({ kind: "invalid-config" });
  });
});
