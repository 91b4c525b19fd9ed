/** What signals do to the shipped daemon. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { here } from "../host.ts";

interface Daemon {
  readonly process: ChildProcess;
  /** Resolves with the next line of the log that has this message. */
  readonly says: (message: RegExp) => Promise<string>;
  /** What Node said of its debugger, on standard error. */
  readonly debuggers: () => string;
}

async function startDaemon(env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
  const directory = await temporaryDirectory();
  const [file, manifestDir] = [join(directory, "daemon.json"), join(directory, "manifests")];
  await mkdir(manifestDir);
  const config = { socketDir: join(directory, "run"), stateDir: join(directory, "state"), manifestDir };
  await writeFile(file, JSON.stringify(config));
  const daemon = spawn(here("dist/plexus-daemon"), ["--config", file], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE: process.execPath, ...env },
  });
  onTestFinished(async () => {
    daemon.kill("SIGKILL");
    if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, "exit");
  });
  let complaints = "";
  daemon.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  const lines = createInterface({ input: daemon.stdout });
  const says = (message: RegExp): Promise<string> => lineOf(lines, message);
  await says(/^ready$/);
  return { process: daemon, says, debuggers: () => complaints };
}

function lineOf(lines: Interface, message: RegExp): Promise<string> {
  return new Promise((resolve) => {
    lines.on("line", function look(line: string) {
      const { msg } = JSON.parse(line) as { readonly msg: string };
      if (!message.test(msg)) return;
      lines.off("line", look);
      resolve(msg);
    });
  });
}

describe.skipIf(process.getuid?.() !== 0)("as root", () => {
  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s ends the daemon in order", async (signal) => {
    const daemon = await startDaemon();
    const stopped = daemon.says(/^stopped$/);
    daemon.process.kill(signal);
    await stopped;
    expect(await once(daemon.process, "exit")).toEqual([0, null]);
  });

  it("SIGUSR1 opens no debugger, and the daemon goes on (issue 11)", async () => {
    const daemon = await startDaemon();
    daemon.process.kill("SIGUSR1");
    const stopped = daemon.says(/^stopped$/);
    daemon.process.kill("SIGTERM");
    await stopped;
    expect(daemon.debuggers()).toBe("");
  });

  it("SIGUSR1 opens one where the administrator allows it", async () => {
    const daemon = await startDaemon({ PLEXUS_ALLOW_DEBUGGER: "1" });
    daemon.process.kill("SIGUSR1");
    await vi.waitFor(() => expect(daemon.debuggers()).toContain("Debugger listening on ws://127.0.0.1:9229/"), 5_000);
  });
});
