import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PluginRun, PluginRunner } from "../../daemon/ports/plugin-runner.ts";

/** A runner, and plugins for it that do what they are called: echoes, fails, crashes, hangs, floods. */
export interface PluginRunnerStage {
  /** Patient, and content with 1 MiB of output. */
  readonly runner: PluginRunner;
  /** Gives a plugin a fraction of a second. */
  readonly hasty: PluginRunner;
  /** Where the plugins are. */
  readonly directory: string;
  /** An absolute path where there is nothing. */
  readonly nowhere: string;
  clear(): Promise<void>;
}

/** Asks every question of the port PluginRunner. */
export function pluginRunnerContract(name: string, setTheStage: () => PluginRunnerStage): void {
  describe(`plugin runner: ${name}`, () => {
    let stage: PluginRunnerStage;
    beforeAll(() => {
      stage = setTheStage();
    });
    afterAll(() => stage.clear());

    const patient = new AbortController().signal;
    const run = (type: string, parts: Partial<PluginRun> = {}): PluginRun => ({
      type,
      searchPath: [stage.directory],
      env: {},
      stdin: "",
      ...parts,
    });

    it("hands over stdin and exactly the environment, and brings back both streams", async () => {
      const env = { CNI_COMMAND: "ADD", CNI_ARGS: "K=a=b;L=ü", EMPTY: "" };
      const report = await stage.runner.run(run("echoes", { env, stdin: '{"name":"ü"}\n' }), patient);
      expect(report).toMatchObject({
        ending: { how: "exited", status: 0 },
        stdout: '{"name":"ü"}\n',
        stderr: "CNI_COMMAND=ADD\nCNI_ARGS=K=a=b;L=ü\nEMPTY=\n",
      });
    });

    it("measures", async () => {
      const { wallMs, cpuMs, maxRssKib } = await stage.runner.run(run("echoes"), patient);
      expect(wallMs).toBeGreaterThan(0);
      expect(cpuMs).toBeGreaterThanOrEqual(0);
      expect(maxRssKib).toBeGreaterThan(0);
    });

    it("reports a plugin that fails, with its status and what it said", async () => {
      const report = await stage.runner.run(run("fails"), patient);
      expect(report).toMatchObject({ ending: { how: "exited", status: 3 }, stdout: "refused\n" });
    });

    it("reports a plugin that crashes, with its signal", async () => {
      const report = await stage.runner.run(run("crashes"), patient);
      expect(report.ending).toEqual({ how: "killed", signal: 11 });
    });

    it("searches one directory after the other", async () => {
      const searchPath = [stage.nowhere, stage.directory];
      const report = await stage.runner.run(run("echoes", { searchPath, stdin: "found" }), patient);
      expect(report.stdout).toBe("found");
    });

    it("names the plugin it did not find and the directories it searched", async () => {
      const searchPath = [stage.nowhere, stage.directory];
      const lost = stage.runner.run(run("no-such-plugin", { searchPath }), patient);
      await expect(lost).rejects.toMatchObject({
        kind: "delegate-missing",
        message: `failed to find plugin "no-such-plugin" in path [${stage.nowhere} ${stage.directory}]`,
      });
    });

    it.each([
      { why: "it is empty", type: "" },
      { why: "it is a path", type: "/usr/bin/env" },
      { why: "it leads out of the directory", type: "../echoes" },
      { why: "the kernel would see another name", type: "echoes\0" },
    ])("refuses a type because $why", async ({ type }) => {
      await expect(stage.runner.run(run(type), patient)).rejects.toMatchObject({ kind: "invalid-config" });
    });

    it("starts nothing once the signal has been raised", async () => {
      const never = stage.runner.run(run("echoes"), AbortSignal.abort());
      await expect(never).rejects.toMatchObject({ kind: "try-again-later" });
    });

    it("gives up when the signal is raised", async () => {
      const request = new AbortController();
      const stopped = stage.runner.run(run("hangs"), request.signal);
      setImmediate(() => request.abort());
      await expect(stopped).rejects.toMatchObject({ kind: "try-again-later" });
    });

    it("gives up when the plugin takes too long", async () => {
      const late = stage.hasty.run(run("hangs"), patient);
      await expect(late).rejects.toMatchObject({ kind: "delegate-timed-out" });
    });

    it("gives up when the plugin says too much", async () => {
      const flood = stage.runner.run(run("floods"), patient);
      await expect(flood).rejects.toMatchObject({ kind: "delegate-failed" });
    });

    it("lets no plugin wait for another", async () => {
      const request = new AbortController();
      const slow = stage.runner.run(run("hangs"), request.signal);
      const quick = await stage.runner.run(run("echoes", { stdin: "quick" }), patient);
      request.abort();
      expect(quick.stdout).toBe("quick");
      await expect(slow).rejects.toMatchObject({ kind: "try-again-later" });
    });
  });
}
