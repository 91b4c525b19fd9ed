import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeWorkbench, patient, pidOf, pidsIn, runs, until } from "./workbench.ts";
import type { Workbench } from "./workbench.ts";

let bench: Workbench;
beforeAll(() => {
  bench = makeWorkbench();
});
afterAll(() => bench.clear());

// Each of them waits for a patience of five to ten seconds to run out.
describe.concurrent("when something does not react", () => {
  it("a launcher that stops answering is given up", async () => {
    const launcher = bench.launch({ pluginTimeoutMs: 1 });
    const pid = await pidOf(launcher);
    process.kill(pid, "SIGSTOP");
    const unheard = launcher.runner.run(bench.run("echoes"), patient);
    await expect(unheard).rejects.toMatchObject({
      kind: "try-again-later",
      message: "the process that runs plugins ended: it stopped answering",
    });
    await until("it to be gone", () => !runs(pid));
  }, 20_000);
  it("the daemon ends though the launcher does not listen", async () => {
    const launcher = bench.launch();
    const pid = await pidOf(launcher);
    process.kill(pid, "SIGSTOP");
    await launcher.stop();
    await until("it to be gone", () => !runs(pid));
  }, 20_000);

  it("a request is answered though its plugin will not go", async () => {
    const pids = join(bench.directory, "clinging");
    const launcher = bench.launch({ pluginTimeoutMs: 2000 });
    const late = launcher.runner.run(bench.run("clings", { env: { PIDS: pids } }), patient);
    const [plugin] = await pidsIn(pids);
    const tracer = spawn(join(bench.plugins, "traces"), { env: { TRACED: String(plugin) } });
    await once(tracer.stdout, "data");
    await expect(late).rejects.toMatchObject({
      kind: "delegate-timed-out",
      message: `plugin "clings" did not finish within 2 s and was killed, but process ${plugin} is stuck in the kernel and lingers`,
    });
    tracer.kill("SIGKILL");
    await until("the launcher to notice its end", () => !existsSync(`/proc/${plugin}`));
    const next = await launcher.runner.run(bench.run("echoes", { stdin: "next" }), patient);
    expect(next.stdout).toBe("next");
  }, 20_000);
});
