import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { installScripted } from "./scripted.ts";

const run = promisify(execFile);

let binDir: string;

beforeEach(async () => {
  binDir = await mkdtemp(join(tmpdir(), "plexus-scripted-"));
});
afterEach(() => rm(binDir, { recursive: true }));

async function runPlugin(type: string, env: Readonly<Record<string, string>>, stdin: string): Promise<string> {
  const running = run(join(binDir, type), [], { env });
  running.child.stdin?.end(stdin);
  return (await running).stdout;
}

it("notes exactly what it was given", async () => {
  const plugin = await installScripted(binDir, "bridge");
  const env = { CNI_COMMAND: "DEL", CNI_ARGS: "A=1;B=x=y", EMPTY: "" };
  const stdin = '{"name": "\u00fc \\"q\\""}\n\n';
  await runPlugin("bridge", env, stdin);
  const given = { pid: expect.any(Number), env, stdin };
  expect(await plugin.events()).toEqual([
    { event: "start", ...given },
    { event: "end", ...given },
  ]);
});

it("answers an ADD that nobody scripted in the version of the configuration", async () => {
  await installScripted(binDir, "bridge");
  expect(await runPlugin("bridge", { CNI_COMMAND: "ADD" }, '{"cniVersion":"0.4.0"}')).toBe('{"cniVersion":"0.4.0"}\n');
});

it("does as it is told, for one interface rather than for all", async () => {
  const plugin = await installScripted(binDir, "bridge");
  await plugin.on("ADD", "echo every");
  await plugin.on("ADD.net1", "echo one; echo why >&2; exit 3");
  await expect(runPlugin("bridge", { CNI_COMMAND: "ADD", CNI_IFNAME: "net1" }, "{}")).rejects.toMatchObject({
    code: 3,
    stdout: "one\n",
    stderr: "why\n",
  });
  expect(await runPlugin("bridge", { CNI_COMMAND: "ADD", CNI_IFNAME: "eth0" }, "{}")).toBe("every\n");
});

it("takes its scripts from the directory that the configuration names", async () => {
  const named = await installScripted(binDir, "named");
  await installScripted(binDir, "bridge");
  await named.on("ADD", "echo named");
  expect(await runPlugin("bridge", { CNI_COMMAND: "ADD" }, JSON.stringify({ script: named.directory }))).toBe(
    "named\n",
  );
});
