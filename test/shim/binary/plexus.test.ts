import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, readFile, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { startCniServer, type CniCall, type CniHandler, type CniRequestMessage } from "../cni-server.ts";
import { startRawPeer } from "./raw-peer.ts";
import { cniErrorOf, plexusCommand, runPlexus } from "./run-plexus.ts";

const env = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/var/run/netns/x",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "K8S_POD_NAME=é",
  CNI_PATH: "/opt/cni/bin",
};

interface Site {
  readonly socketPath: string;
  readonly config: (more?: object) => string;
}

/** A directory for the daemon's socket, and a network configuration that points there. */
async function site(): Promise<Site> {
  const daemonSocketDir = await temporaryDirectory();
  return {
    socketPath: join(daemonSocketDir, "plexus.sock"),
    config: (more = {}) =>
      JSON.stringify({
        cniVersion: "1.1.0",
        name: "n",
        daemonSocketDir,
        daemonSpoolDir: join(daemonSocketDir, "spool"),
        daemonWaitSeconds: 0,
        ...more,
      }),
  };
}

async function daemonAt(socketPath: string, handle: CniHandler): Promise<void> {
  const server = await startCniServer(socketPath, handle);
  onTestFinished(() => server.close());
}

async function peerAt(socketPath: string, treat: (socket: Socket) => void): Promise<void> {
  const peer = await startRawPeer(socketPath, treat);
  onTestFinished(() => peer.close());
}

const echo: CniHandler = async (_method, call) => ({ result: call.request.config });

describe("without the daemon", () => {
  it("T001: says on stderr what it is", async () => {
    const ended = await runPlexus({});
    expect(ended.status).toBe(0);
    expect(ended.stdout).toHaveLength(0);
    expect(ended.stderr).toBe(
      "meta-plugin that delegates to other CNI plugins\n" +
        "CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n",
    );
  });

  it("T002: answers VERSION", async () => {
    const ended = await runPlexus({ env: { CNI_COMMAND: "VERSION" }, stdin: "anything" });
    expect([ended.status, ended.stdout.toString()]).toEqual([
      0,
      '{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n',
    ]);
  });

  it("prints the project's version", async () => {
    const manifest = JSON.parse(await readFile(join(import.meta.dirname, "../../../package.json"), "utf8")) as {
      version: string;
    };
    const ended = await runPlexus({ args: ["--version"], env });
    expect([ended.status, ended.stdout.toString()]).toEqual([0, `plexus ${manifest.version}\n`]);
  });

  it("explains itself", async () => {
    const ended = await runPlexus({ args: ["--help"] });
    expect(ended.status).toBe(0);
    expect(ended.stdout.toString()).toContain("daemonSocketDir");
  });

  it.each([
    {
      why: "an unknown command",
      env: { CNI_COMMAND: "STOP" },
      stdin: "{}",
      error: { code: 4, msg: "unknown CNI_COMMAND: STOP" },
    },
    {
      why: "T003: missing variables",
      env: { ...env, CNI_NETNS: "", CNI_PATH: "" },
      stdin: "",
      error: { code: 4, msg: "required env variables [CNI_NETNS,CNI_PATH] missing" },
    },
    {
      why: "T004: a long interface name",
      env: { ...env, CNI_IFNAME: "abcdefghijklmnop" },
      stdin: "",
      error: {
        code: 4,
        msg: "interface name is too long",
        details: "interface name should be less than 16 characters",
      },
    },
    { why: "T005: no name", env, stdin: "{}", error: { code: 7, msg: "missing network name" } },
    {
      why: "T006: an unknown version",
      env,
      stdin: '{"name":"n","cniVersion":"2.0.0"}',
      error: {
        code: 1,
        msg: "incompatible CNI versions",
        details: 'config is "2.0.0", plugin supports ["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]',
      },
    },
    {
      why: "T007: CHECK in an old version",
      env: { ...env, CNI_COMMAND: "CHECK" },
      stdin: '{"name":"n","cniVersion":"0.3.1"}',
      error: { code: 1, msg: "config version does not allow CHECK" },
    },
    {
      why: "T008: GC in an old version",
      env: { ...env, CNI_COMMAND: "GC" },
      stdin: '{"name":"n","cniVersion":"1.0.0"}',
      error: { code: 1, msg: "config version does not allow GC" },
    },
    {
      why: "text that is no JSON",
      env,
      stdin: "{",
      error: { code: 6, msg: "error unmarshall network config: unexpected end of JSON input" },
    },
    {
      why: "100000 levels of arrays",
      env,
      stdin: "[".repeat(100_000),
      error: { code: 6, msg: "error unmarshall network config: nested deeper than 1000 levels" },
    },
    {
      why: "more than 1 MiB",
      env,
      stdin: " ".repeat(2 * 1024 * 1024),
      error: { code: 6, msg: "the network config on stdin is larger than 1 MiB" },
    },
    {
      why: "a container id that is not ASCII",
      env: { ...env, CNI_CONTAINERID: "é🚀" },
      stdin: "",
      error: { code: 4, msg: "invalid characters in containerID", details: "é🚀" },
    },
    {
      why: "a network name with half a surrogate pair",
      env,
      stdin: '{"name":"\\ud83d\\ude00\\ud83d"}',
      error: { code: 7, msg: "invalid characters found in network name", details: "😀\ufffd" },
    },
    {
      why: "a socket path that is too long",
      env,
      stdin: `{"name":"n","daemonSocketDir":"/${"x".repeat(100)}"}`,
      error: {
        code: 7,
        msg: '"daemonSocketDir" cannot be used',
        details: "the path of a unix socket is limited, so it may have at most 95 bytes",
      },
    },
  ])("refuses $why", async ({ env, stdin, error }) => {
    const ended = await runPlexus({ env, stdin });
    expect(ended.stderr).toBe("");
    expect(cniErrorOf(ended)).toEqual(error);
  });

  it("prints an error with an indent of four spaces and nothing behind it", async () => {
    const ended = await runPlexus({ env, stdin: "{}" });
    expect(ended.stdout.toString()).toBe('{\n    "code": 7,\n    "msg": "missing network name"\n}');
  });
});

describe("with a daemon", () => {
  it.each([
    { verb: "ADD", method: "Add", attachment: true },
    { verb: "DEL", method: "Del", attachment: true },
    { verb: "CHECK", method: "Check", attachment: true },
    { verb: "STATUS", method: "Status", attachment: false },
    { verb: "GC", method: "Gc", attachment: false },
  ])("$verb goes there and back", async ({ verb, method, attachment }) => {
    const { socketPath, config } = await site();
    const seen: { method: string; request: CniRequestMessage; secondsLeft: number }[] = [];
    await daemonAt(socketPath, async (method, call) => {
      const deadline = call.getDeadline();
      seen.push({ method, request: call.request, secondsLeft: (Number(deadline) - Date.now()) / 1000 });
      return { result: Buffer.from("\n{}\n") };
    });
    const stdin = config({ "✓": [1.0] });
    const ended = await runPlexus({ env: { ...env, CNI_COMMAND: verb, CNI_NETNS_OVERRIDE: "1" }, stdin });
    expect([ended.status, ended.stdout.toString(), ended.stderr]).toEqual([0, "\n{}\n", ""]);
    const ofAttachment = {
      containerId: "c1",
      netns: "/var/run/netns/x",
      ifname: "eth0",
      args: "K8S_POD_NAME=é",
      netnsOverride: "1",
    };
    const ofNone = { containerId: "", netns: "", ifname: "", args: "", netnsOverride: "" };
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      method,
      request: { ...(attachment ? ofAttachment : ofNone), path: "/opt/cni/bin", config: Buffer.from(stdin) },
    });
    expect(seen[0]?.request.requestId).toMatch(/^\d+-\d+$/);
    expect(seen[0]?.secondsLeft).toBeGreaterThan(180);
    expect(seen[0]?.secondsLeft).toBeLessThanOrEqual(240);
  });

  it("T009: DEL needs no network namespace", async () => {
    const { socketPath, config } = await site();
    await daemonAt(socketPath, async () => ({}));
    const withoutNetns = Object.fromEntries(Object.entries(env).filter(([name]) => name !== "CNI_NETNS"));
    const ended = await runPlexus({ env: { ...withoutNetns, CNI_COMMAND: "DEL" }, stdin: config() });
    expect([ended.status, ended.stdout.length]).toEqual([0, 0]);
  });

  it.each([
    { why: "on ADD", verb: "ADD", code: 107 },
    { why: "on DEL, with status 1 (T078)", verb: "DEL", code: 42 },
    { why: "on STATUS, with its code (T094, T095)", verb: "STATUS", code: 50 },
  ])("prints the daemon's error $why", async ({ verb, code }) => {
    const error = { code, msg: 'délégate "b" failed: 100% 🚀\nline 2\u0001', details: "try \\ again" };
    const { socketPath, config } = await site();
    await daemonAt(socketPath, async () => ({ error }));
    expect(cniErrorOf(await runPlexus({ env: { ...env, CNI_COMMAND: verb }, stdin: config() }))).toEqual(error);
  });

  it("sends 1 MiB and prints 1 MB", async () => {
    const { socketPath, config } = await site();
    await daemonAt(socketPath, echo);
    const empty = config({ x: "" });
    const stdin = config({ x: "y".repeat(1024 * 1024 - empty.length) });
    const ended = await runPlexus({ env, stdin });
    expect(ended.status).toBe(0);
    expect(ended.stdout.equals(Buffer.from(stdin))).toBe(true);
  });

  it.each([
    { status: 13, text: "délégate\n100%", error: { code: 999, details: /^délégate\n100%; look for request/ } },
    { status: 3, text: "ifname", error: { code: 4, details: /^ifname; / } },
    { status: 4, text: "", error: { code: 11, details: /^look for request/ } },
    { status: 14, text: "starting", error: { code: 11, details: /plexus\.sock: starting; check that/ } },
  ])("turns gRPC status $status into code $error.code", async ({ status, text, error }) => {
    const { socketPath, config } = await site();
    await daemonAt(socketPath, () => Promise.reject(Object.assign(new Error(text), { code: status, details: text })));
    expect(cniErrorOf(await runPlexus({ env, stdin: config() }))).toMatchObject({
      code: error.code,
      details: expect.stringMatching(error.details),
    });
  });

  it("tells an ADD without result from one with an empty result", async () => {
    const { socketPath, config } = await site();
    const replies = [{}, { result: Buffer.alloc(0) }];
    await daemonAt(socketPath, async () => replies.shift() ?? {});
    expect(cniErrorOf(await runPlexus({ env, stdin: config() })).code).toBe(999);
    expect((await runPlexus({ env, stdin: config() })).status).toBe(0);
  });

  it("stops the call when it is killed", async () => {
    const { socketPath, config } = await site();
    const call = Promise.withResolvers<CniCall>();
    await daemonAt(socketPath, (_method, received) => {
      call.resolve(received);
      return new Promise(() => undefined);
    });
    const run = runPlexus({ env, stdin: config(), limitMs: 500 });
    const cancelled = once(await call.promise, "cancelled");
    expect((await run).signal).toBe("SIGKILL");
    await cancelled;
  });
});

describe("with a daemon that fails", () => {
  it("reports one that goes away in the middle, and does not ask it twice", async () => {
    const { socketPath, config } = await site();
    let calls = 0;
    const server = await startCniServer(socketPath, () => {
      calls += 1;
      server.close();
      return new Promise(() => undefined);
    });
    const error = cniErrorOf(await runPlexus({ env, stdin: config({ daemonWaitSeconds: 5 }) }));
    expect(error).toMatchObject({ code: 11, msg: "ADD: the Plexus daemon went away during the operation" });
    expect(calls).toBe(1);
  });

  it.each([
    { why: "does not answer", treat: (socket: Socket) => socket.resume() },
    { why: "does not read", treat: () => undefined },
    {
      why: "greets and stops",
      treat: (socket: Socket) => socket.resume().write(Buffer.from("000000040000000000", "hex")),
    },
  ])("gives up one that $why", async ({ treat }) => {
    const { socketPath, config } = await site();
    await peerAt(socketPath, treat);
    const stdin = config({ daemonTimeoutSeconds: 0.3, padding: "x".repeat(900_000) });
    expect(cniErrorOf(await runPlexus({ env, stdin }))).toMatchObject({
      code: 11,
      msg: "ADD: the Plexus daemon did not answer within 0.3 s",
    });
  });

  it("tells the daemon the deadline it keeps", async () => {
    const { socketPath, config } = await site();
    await daemonAt(socketPath, () => new Promise(() => undefined));
    const error = cniErrorOf(await runPlexus({ env, stdin: config({ daemonTimeoutSeconds: 0.5 }) }));
    expect(error.code).toBe(11);
    expect(error.msg).toMatch(/did not (answer|finish) within 0\.5 s$/);
  });

  const greeting = "000000040000000000";
  it.each([
    { why: "closes at once", bytes: "", code: 11, msg: "the Plexus daemon is not running on this node" },
    {
      why: "speaks HTTP/1.1",
      bytes: Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>").toString("hex"),
      code: 999,
      msg: "what listens on the Plexus daemon's socket does not answer as it does",
    },
    {
      why: "dies in the middle of its headers",
      bytes: `${greeting}000028010400000001880000`,
      code: 11,
      msg: "the Plexus daemon went away during the operation",
    },
    {
      why: "says GOAWAY",
      bytes: `${greeting}0000080700000000000000000000000000`,
      code: 11,
      msg: "the Plexus daemon is not running on this node",
    },
    {
      why: "resets the stream",
      bytes: `${greeting}00000403000000000100000008`,
      code: 11,
      msg: "the Plexus daemon went away during the operation",
    },
  ])("survives a peer that $why", async ({ bytes, code, msg }) => {
    const { socketPath, config } = await site();
    await peerAt(socketPath, (socket) => {
      socket.once("data", () => socket.end(Buffer.from(bytes, "hex")));
    });
    expect(cniErrorOf(await runPlexus({ env, stdin: config() }))).toMatchObject({ code, msg: `ADD: ${msg}` });
  });
});

describe("with a daemon that is not there", () => {
  it.each([
    { verb: "ADD", code: 11 },
    { verb: "CHECK", code: 11 },
    { verb: "GC", code: 11 },
    { verb: "STATUS", code: 50 },
  ])("$verb fails with code $code", async ({ verb, code }) => {
    const { socketPath, config } = await site();
    const error = cniErrorOf(await runPlexus({ env: { ...env, CNI_COMMAND: verb }, stdin: config() }));
    expect(error).toMatchObject({ code, msg: `${verb}: the Plexus daemon is not running on this node` });
    expect(error.details).toContain(`${socketPath}: No such file or directory`);
  });

  it("ADD fails when the socket is a leftover", async () => {
    const { socketPath, config } = await site();
    await writeFile(socketPath, "");
    expect(cniErrorOf(await runPlexus({ env, stdin: config() })).details).toContain(
      `${socketPath}: Connection refused`,
    );
  });

  it("ADD fails with code 5 when something else is in the way", async () => {
    const { config, socketPath } = await site();
    await writeFile(socketPath, "");
    await chmod(socketPath, 0o600);
    const stdin = config({ daemonSocketDir: socketPath, daemonWaitSeconds: 60 });
    expect(cniErrorOf(await runPlexus({ env, stdin }))).toMatchObject({
      code: 5,
      details: expect.stringContaining("Not a directory"),
    });
  });

  it.each([{ verb: "ADD" }, { verb: "CHECK" }, { verb: "STATUS" }])(
    "$verb waits until it comes (T272, T274)",
    async ({ verb }) => {
      const { socketPath, config } = await site();
      const tried = Promise.withResolvers<undefined>();
      const peer = await startRawPeer(socketPath, (socket) => {
        socket.destroy();
        tried.resolve(undefined);
      });
      const run = runPlexus({ env: { ...env, CNI_COMMAND: verb }, stdin: config({ daemonWaitSeconds: 20 }) });
      await tried.promise;
      peer.close();
      await daemonAt(socketPath, echo);
      expect((await run).status).toBe(0);
    },
  );

  it("STATUS waits for the daemon after one that stops (issue 11, section 5)", async () => {
    const { socketPath, config } = await site();
    const asked = Promise.withResolvers<undefined>();
    let isStopping = true;
    await daemonAt(socketPath, async () => {
      asked.resolve(undefined);
      return isStopping ? { error: { code: 11, msg: "the daemon is stopping", details: "" } } : {};
    });
    const stdin = config({ daemonWaitSeconds: 20 });
    const run = runPlexus({ env: { ...env, CNI_COMMAND: "STATUS" }, stdin });
    await asked.promise;
    isStopping = false;
    expect(await run).toMatchObject({ status: 0 });
  });

  it.each([{ verb: "DEL" }, { verb: "GC" }])("$verb does not wait (T079, T272)", async ({ verb }) => {
    const { config } = await site();
    const run = runPlexus({ env: { ...env, CNI_COMMAND: verb }, stdin: config({ daemonWaitSeconds: 600 }) });
    expect((await run).signal).toBeNull();
  });
});

describe("a runtime that is in trouble itself", () => {
  it("closes our stdout: we fail, and are not killed by SIGPIPE", async () => {
    const { socketPath, config } = await site();
    const directory = await temporaryDirectory();
    await daemonAt(socketPath, async () => ({ result: Buffer.alloc(1 << 20, "x") }));
    await writeFile(join(directory, "config"), config());
    const script = '{ "$0" "$@" <config 2>stderr; echo $? >status; } | true';
    await once(
      spawn("sh", ["-c", script, ...plexusCommand], { cwd: directory, env: { ...env, PATH: process.env["PATH"] } }),
      "close",
    );
    expect(await readFile(join(directory, "status"), "utf8")).toBe("1\n");
    expect(await readFile(join(directory, "stderr"), "utf8")).toBe("plexus: cannot write to stdout: Broken pipe\n");
  });

  it("gives us an environment that is not UTF-8: the answer is", async () => {
    const script = 'CNI_CONTAINERID=$(printf "a\\377\\300b") exec "$0" "$@"';
    const child = spawn("sh", ["-c", script, ...plexusCommand], { env: { ...env, PATH: process.env["PATH"] } });
    const [chunk] = (await once(child.stdout, "data")) as [Buffer];
    const error = { code: 4, msg: "invalid characters in containerID", details: "a\ufffd\ufffdb" };
    expect(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(chunk))).toEqual(error);
  });

  it("gives us no stdin: code 5", async () => {
    const child = spawn("sh", ["-c", 'exec "$0" "$@" <&-', ...plexusCommand], {
      env: { ...env, PATH: process.env["PATH"] },
    });
    const [chunk] = (await once(child.stdout, "data")) as [Buffer];
    expect(JSON.parse(chunk.toString())).toEqual({ code: 5, msg: "error reading from stdin: Bad file descriptor" });
  });
});
