import { spawn, spawnSync } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createReplyDecoder, encodeCancel, encodeRequest } from "../../../daemon/adapters/launcher/wire.ts";
import type { Reply, Request } from "../../../daemon/adapters/launcher/wire.ts";
import { LAUNCHER, makeWorkbench, pidsIn, runs, until } from "./workbench.ts";
import type { Workbench } from "./workbench.ts";

let bench: Workbench;
beforeAll(() => {
  bench = makeWorkbench();
});
afterAll(() => bench.clear());

function request(type: string, parts: { env?: Record<string, string>; stdin?: string } = {}): Request {
  const run = { env: {}, stdin: "", timeoutMs: 60_000, maxOutputBytes: 16 << 20, ...parts };
  return { op: "run", path: join(bench.plugins, type), ...run };
}

/** The replies that end requests, as they come. */
function answersOf(launcher: ChildProcessWithoutNullStreams): Reply[] {
  const decode = createReplyDecoder();
  const answers: Reply[] = [];
  launcher.stdout.on("data", (chunk: Buffer) => {
    answers.push(...decode(chunk).filter(({ kind }) => kind !== "ready" && kind !== "started"));
  });
  return answers;
}

function residentKib(pid: number | undefined): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1]);
}

function words(...numbers: readonly number[]): Buffer {
  const buffer = Buffer.alloc(numbers.length * 4);
  numbers.forEach((number, i) => buffer.writeUInt32LE(number, i * 4));
  return buffer;
}

describe("the command line", () => {
  it.each([
    {
      why: "--help explains",
      args: ["--help"],
      status: 0,
      said: /^usage: plexus-launcher \[--mntns PATH \| --chroot DIR \| --lock MILLISECONDS\]\n/,
    },
    { why: "--version is the project's", args: ["--version"], status: 0, said: /^plexus-launcher \d+\.\d+\.\d+\n$/ },
    {
      why: "anything else is refused",
      args: ["--moon"],
      status: 2,
      said: /^plexus-launcher: unknown arguments; see --help\n$/,
    },
    {
      why: "an option needs its value",
      args: ["--chroot"],
      status: 2,
      said: /^plexus-launcher: unknown arguments; see --help\n$/,
    },
    {
      why: "a root must be there",
      args: ["--chroot", "/nowhere"],
      status: 1,
      said: /^plexus-launcher: cannot change the root to \/nowhere: .+\n$/,
    },
    {
      why: "a mount namespace must be there",
      args: ["--mntns", "/nowhere"],
      status: 1,
      said: /^plexus-launcher: cannot open the mount namespace \/nowhere: No such file or directory\n$/,
    },
    {
      why: "a mount namespace must be one",
      args: ["--mntns", "/etc/passwd"],
      status: 1,
      said: /^plexus-launcher: cannot enter the mount namespace \/etc\/passwd: Invalid argument\n$/,
    },
  ])("$why", ({ args, status, said }) => {
    const ended = spawnSync(LAUNCHER, args, { encoding: "utf8" });
    expect(ended.status).toBe(status);
    expect(ended.stdout + ended.stderr).toMatch(said);
  });

  it("wants its three streams", () => {
    const ended = spawnSync("sh", ["-c", 'exec "$0" >&-', LAUNCHER], { encoding: "utf8" });
    expect(ended).toMatchObject({ status: 1, stderr: "plexus-launcher: stdin, stdout and stderr must be open\n" });
  });
});

describe("requests", () => {
  it.each([
    { why: "is shorter than its header", frame: words(19), said: "19 bytes" },
    { why: "is larger than any may be", frame: words((16 << 20) + 1), said: "16777217 bytes" },
    { why: "asks for what there is not", frame: words(20, 1, 9, 1, 1, 0), said: "op 9" },
    { why: "runs nothing", frame: words(20, 1, 1, 1, 1, 0), said: "op 1, 0 strings" },
    { why: "has no deadline", frame: Buffer.concat([words(22, 1, 1, 0, 1, 1), Buffer.from("a\0")]), said: "0 ms" },
    { why: "has too many strings", frame: words(20, 1, 1, 1, 1, 1025), said: "1025 strings" },
    {
      why: "has a string without end",
      frame: Buffer.concat([words(21, 1, 1, 1, 1, 1), Buffer.from("a")]),
      said: "no end",
    },
    {
      why: "looks nowhere",
      frame: words(20, 1, 2, 1, 1, 0),
      said: "op 2, 0 strings",
    },
    {
      why: "runs nothing in a network namespace",
      frame: Buffer.concat([words(22, 1, 4, 1, 1, 1), Buffer.from("a\0")]),
      said: "op 4, 1 strings",
    },
  ])("end the launcher and what it runs when one $why", async ({ frame, said }) => {
    const pids = join(bench.directory, said.replaceAll(/\W/g, "-"));
    const launcher = spawn(LAUNCHER);
    const complaint: Buffer[] = [];
    launcher.stderr.on("data", (chunk: Buffer) => complaint.push(chunk));
    launcher.stdout.resume();
    launcher.stdin.write(encodeRequest(1, request("hangs", { env: { PIDS: pids } })));
    const [plugin, child] = await pidsIn(pids);

    launcher.stdin.write(frame);
    expect(await once(launcher, "close")).toEqual([2, null]);
    expect(Buffer.concat(complaint).toString()).toMatch(/^plexus-launcher: malformed request: .*\n$/);
    expect(Buffer.concat(complaint).toString()).toContain(said);
    await until("plugin and child to be gone", () => !runs(plugin) && !runs(child));
  });

  it("may arrive in any pieces", async () => {
    const launcher = spawn(LAUNCHER);
    const answers = answersOf(launcher);
    for (const byte of encodeRequest(6, request("echoes", { stdin: "bit by bit" }))) {
      await new Promise((resolve) => launcher.stdin.write(Buffer.of(byte), resolve));
    }
    await until("the answer", () => answers.length === 1);
    expect(answers[0]).toMatchObject({ id: 6, kind: "exited", code: 0, stdout: Buffer.from("bit by bit") });
    launcher.stdin.end();
    expect(await once(launcher, "close")).toEqual([0, null]);
  });

  it("are each answered once, however many come in one piece", async () => {
    const launcher = spawn(LAUNCHER);
    const answers = answersOf(launcher);
    const ids = Array.from({ length: 3000 }, (_none, i) => i + 1);
    const links = Array.from({ length: 30 }, (_none, i) => `net${i}`);
    const look = { op: "look", netns: "/nowhere", links, timeoutMs: 60_000 } as const;
    launcher.stdin.write(Buffer.concat(ids.map((id) => encodeRequest(id, look))));
    await until("all answers", () => answers.length >= ids.length);
    expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(["cannot-open-netns"]));
    launcher.stdin.end();
    expect(await once(launcher, "close")).toEqual([0, null]);
    expect(answers.map(({ id }) => id).sort((a, b) => a - b)).toEqual(ids);
  });

  it("cancel what they name and nothing else, until their end ends everything", async () => {
    const launcher = spawn(LAUNCHER);
    const answers = answersOf(launcher);
    const spared = join(bench.directory, "spared");
    const cancelled = join(bench.directory, "cancelled");
    launcher.stdin.write(encodeRequest(1, request("hangs", { env: { PIDS: spared } })));
    launcher.stdin.write(encodeRequest(2, request("hangs", { env: { PIDS: cancelled } })));
    const others = [...(await pidsIn(spared))];
    const [plugin] = await pidsIn(cancelled);

    launcher.stdin.write(Buffer.concat([encodeCancel(77), encodeCancel(2), encodeCancel(2)]));
    await until("the answer", () => answers.length === 1);
    expect(answers[0]).toMatchObject({ id: 2, kind: "cancelled", code: 0 });
    expect(runs(plugin)).toBe(false);
    expect(others.map(runs)).toEqual([true, true]);

    launcher.stdin.end();
    expect(await once(launcher, "close")).toEqual([0, null]);
    expect(answers).toHaveLength(1);
    await until("the others to be gone", () => !others.some(runs));
  });
});

describe("replies", () => {
  it("wait for a daemon that does not read, and block nothing meanwhile", async () => {
    const launcher = spawn(LAUNCHER);
    const pids = join(bench.directory, "unread");
    const stdin = "x".repeat(1 << 20);
    for (let id = 1; id <= 20; id++) launcher.stdin.write(encodeRequest(id, request("echoes", { stdin })));
    launcher.stdin.write(encodeRequest(21, request("hangs", { env: { PIDS: pids } })));
    const [plugin] = await pidsIn(pids);
    launcher.stdin.write(encodeCancel(21));
    await until("the cancelled plugin to be gone", () => !runs(plugin));

    const answers = answersOf(launcher);
    await until("all answers", () => answers.length === 21);
    expect(answers.map(({ id }) => id).sort((a, b) => a - b)).toEqual(Array.from({ length: 21 }, (_none, i) => i + 1));
    expect(answers.filter(({ kind, stdout }) => kind === "exited" && stdout.length === 1 << 20)).toHaveLength(20);

    await until("it to give its memory back", () => residentKib(launcher.pid) < 4096);
    launcher.stdin.end();
    expect(await once(launcher, "close")).toEqual([0, null]);
  });
});
