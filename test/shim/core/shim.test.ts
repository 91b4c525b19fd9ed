import { describe, expect, it } from "vitest";
import { runShim } from "../../../shim/core/shim.ts";
import { toUtf8 } from "../../../shim/core/utf8.ts";
import { cniService, type CniReplyMessage, type CniRequestMessage } from "../cni-server.ts";
import { BOOT_ID, fakeDisk } from "./fake-disk.ts";
import { fakeIo, type Connection, type World } from "./fake-io.ts";
import { answer, settings, statusAnswer } from "./http2-peer.ts";

const env = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/n",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "A=B",
  CNI_PATH: "/opt/cni/bin",
};
const stdin = '{"cniVersion":"1.1.0","name":"n","daemonSocketDir":"/d","daemonSpoolDir":"/s","daemonWaitSeconds":2}';
const socket = "/d/plexus.sock";

function replying(reply: CniReplyMessage): Connection {
  const serialize = (cniService["Add"] as { responseSerialize: (reply: CniReplyMessage) => Buffer }).responseSerialize;
  return { sends: answer(serialize(reply)), then: "closes" };
}

function run(world: World) {
  const io = fakeIo({ env, stdin, ...world });
  const status = runShim(io);
  return { status, stdout: io.stdout(), stderr: io.stderr(), io };
}

function errorOf(world: World): unknown {
  const { status, stdout } = run(world);
  expect(status).toBe(1);
  return JSON.parse(stdout);
}

const absent: Connection = { result: "absent", fault: "No such file or directory" };

describe("the program", () => {
  it("T001: without CNI_COMMAND, says on stderr what it is", () => {
    const about =
      "meta-plugin that delegates to other CNI plugins\n" +
      "CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n";
    expect(run({ env: {} })).toMatchObject({ status: 0, stdout: "", stderr: about });
  });

  it("T002: answers VERSION without stdin and daemon", () => {
    const { status, stdout, io } = run({ env: { CNI_COMMAND: "VERSION" }, stdinFault: "not to be read" });
    expect(status).toBe(0);
    expect(stdout).toBe(
      '{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n',
    );
    expect(io.connectedTo).toEqual([]);
  });

  it.each([{ flag: "--version" }, { flag: "-version" }, { flag: "-v" }])("prints its version for $flag", ({ flag }) => {
    expect(run({ firstArgument: flag })).toMatchObject({ status: 0, stdout: "plexus 1.2.3\n" });
  });

  it.each([{ flag: "--help" }, { flag: "-help" }, { flag: "-h" }])("prints help for $flag", ({ flag }) => {
    const { status, stdout } = run({ firstArgument: flag });
    expect(status).toBe(0);
    expect(stdout).toContain("CNI_COMMAND=VERSION plexus");
  });

  it.each([
    {
      why: "an unknown command",
      world: { env: { ...env, CNI_COMMAND: "add" } },
      error: { code: 4, msg: "unknown CNI_COMMAND: add" },
    },
    {
      why: "T003: missing variables",
      world: { env: { ...env, CNI_NETNS: "", CNI_PATH: "" } },
      error: { code: 4, msg: "required env variables [CNI_NETNS,CNI_PATH] missing" },
    },
    { why: "T005: a config without name", world: { stdin: "{}" }, error: { code: 7, msg: "missing network name" } },
    {
      why: "T006: an unknown version",
      world: { stdin: '{"name":"n","cniVersion":"2.0.0"}' },
      error: {
        code: 1,
        msg: "incompatible CNI versions",
        details: 'config is "2.0.0", plugin supports ["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]',
      },
    },
    {
      why: "stdin that cannot be read",
      world: { stdinFault: "Input/output error" },
      error: { code: 5, msg: "error reading from stdin: Input/output error" },
    },
    {
      why: "a config of more than 1 MiB",
      world: { stdin: `{"name":"n","x":"${"x".repeat(1024 * 1024)}"}` },
      error: { code: 6, msg: "the network config on stdin is larger than 1 MiB" },
    },
  ])("refuses $why without asking the daemon", ({ world, error }) => {
    const { status, stdout, io } = run(world);
    expect([status, JSON.parse(stdout)]).toEqual([1, error]);
    expect(io.connectedTo).toEqual([]);
  });

  it("takes a config of exactly 1 MiB", () => {
    const frame = '{"name":"n","x":""}';
    const full = `{"name":"n","x":"${"x".repeat(1024 * 1024 - frame.length)}"}`;
    expect(run({ stdin: full, connections: [absent] }).stdout).toContain("not running");
  });

  it.each([
    { verb: "ADD", method: "Add" },
    { verb: "DEL", method: "Del" },
    { verb: "CHECK", method: "Check" },
    { verb: "STATUS", method: "Status" },
    { verb: "GC", method: "Gc" },
  ])("asks the daemon for $method and prints the result as it is", ({ verb, method }) => {
    const { status, stdout, io } = run({
      env: { ...env, CNI_COMMAND: verb },
      connections: [replying({ result: Buffer.from('{ "é": 1 }') })],
    });
    expect([status, stdout]).toEqual([0, '{ "é": 1 }']);
    expect(io.connectedTo).toEqual([socket]);
    expect(io.sent().includes(`/plexus.v1.Cni/${method}`)).toBe(true);
  });

  it("hands everything to the daemon", () => {
    const { io } = run({
      env: { ...env, CNI_NETNS_OVERRIDE: "1" },
      connections: [replying({ result: Buffer.alloc(0) })],
    });
    const request = io.sent();
    const data = request.indexOf("\n\u0002c1");
    const deserialize = (cniService["Add"] as { requestDeserialize: (bytes: Buffer) => CniRequestMessage })
      .requestDeserialize;
    expect(deserialize(request.subarray(data, data + request.readUInt32BE(data - 4)))).toMatchObject({
      containerId: "c1",
      netns: "/n",
      ifname: "eth0",
      args: "A=B",
      path: "/opt/cni/bin",
      config: Buffer.from(stdin),
      netnsOverride: "1",
      requestId: "77-1",
    });
  });

  it("prints the daemon's error as CNI wants it", () => {
    const error = { code: 107, msg: 'délégate "b"\nfailed', details: "" };
    const { status, stdout } = run({ connections: [replying({ error })] });
    expect(status).toBe(1);
    expect(stdout).toBe('{\n    "code": 107,\n    "msg": "délégate \\"b\\"\\nfailed"\n}');
  });

  it("prints details when there are some", () => {
    const { stdout } = run({ connections: [replying({ error: { code: 11, msg: "m", details: "d" } })] });
    expect(stdout).toBe('{\n    "code": 11,\n    "msg": "m",\n    "details": "d"\n}');
  });

  it("takes an empty reply for success, but not for an ADD", () => {
    expect(run({ env: { ...env, CNI_COMMAND: "DEL" }, connections: [replying({})] })).toMatchObject({
      status: 0,
      stdout: "",
    });
    expect(errorOf({ connections: [replying({})] })).toMatchObject({ code: 999 });
  });
});

describe("a failed call", () => {
  const running = "check that the plexus-daemon pod of this node is running and ready";
  const look = "look for request 77-1 in the log of this node's plexus-daemon pod";
  const silent: Connection = { sends: settings, then: "is silent" };
  const status = (code: string, text: string): Connection => ({ sends: statusAnswer(code, text), then: "closes" });
  it.each([
    {
      why: "ADD, nobody listens",
      verb: "ADD",
      connection: absent,
      error: {
        code: 11,
        msg: "ADD: the Plexus daemon is not running on this node",
        details: `${socket}: No such file or directory, waited 2 s; ${running}`,
      },
    },
    {
      why: "DEL, the daemon goes away",
      verb: "DEL",
      connection: { sends: settings, then: "closes" } as const,
      error: {
        code: 11,
        msg: "DEL: the Plexus daemon went away during the operation",
        details: `${socket}: it closed the connection; ${look}`,
      },
    },
    {
      why: "STATUS, nobody listens",
      verb: "STATUS",
      connection: absent,
      error: {
        code: 50,
        msg: "STATUS: the Plexus daemon is not running on this node",
        details: `${socket}: No such file or directory, waited 2 s; ${running}`,
      },
    },
    {
      why: "STATUS, the daemon says that it starts or stops",
      verb: "STATUS",
      connection: replying({ error: { code: 11, msg: "the daemon is stopping", details: "wait" } }),
      error: { code: 50, msg: "the daemon is stopping", details: "wait" },
    },
    {
      why: "STATUS, the daemon goes away",
      verb: "STATUS",
      connection: { sends: settings, then: "closes" } as const,
      error: {
        code: 50,
        msg: "STATUS: the Plexus daemon went away during the operation",
        details: `${socket}: it closed the connection; ${look}`,
      },
    },
    {
      why: "CHECK, the daemon is starting",
      verb: "CHECK",
      connection: status("14", "not yet"),
      error: {
        code: 11,
        msg: "CHECK: the Plexus daemon is starting or stopping",
        details: `${socket}: not yet, waited 2 s; ${running}`,
      },
    },
    {
      why: "GC, the daemon goes away",
      verb: "GC",
      connection: { sends: settings, then: "closes" } as const,
      error: {
        code: 11,
        msg: "GC: the Plexus daemon went away during the operation",
        details: `${socket}: it closed the connection; ${look}`,
      },
    },
    {
      why: "ADD, silence",
      verb: "ADD",
      connection: silent,
      error: { code: 11, msg: "ADD: the Plexus daemon did not answer within 240 s", details: `${socket}; ${look}` },
    },
    {
      why: "ADD, DEADLINE_EXCEEDED",
      verb: "ADD",
      connection: status("4", ""),
      error: { code: 11, msg: "ADD: the Plexus daemon did not finish within 240 s", details: look },
    },
    {
      why: "ADD, INVALID_ARGUMENT",
      verb: "ADD",
      connection: status("3", "ifname"),
      error: { code: 4, msg: "ADD: the Plexus daemon rejected the request", details: `ifname; ${look}` },
    },
    {
      why: "ADD, INTERNAL",
      verb: "ADD",
      connection: status("13", "bug"),
      error: { code: 999, msg: "ADD: the Plexus daemon failed with gRPC status 13", details: `bug; ${look}` },
    },
    {
      why: "ADD, a socket of somebody else's",
      verb: "ADD",
      connection: { result: "failed", fault: "Permission denied" } as const,
      error: {
        code: 5,
        msg: "ADD: the Plexus daemon's socket cannot be opened",
        details: `${socket}: Permission denied; check who may enter that directory and what is in it`,
      },
    },
    {
      why: "ADD, a peer that speaks something else",
      verb: "ADD",
      connection: { sends: toUtf8("HTTP/1.1 400 Bad Request"), then: "closes" } as const,
      error: {
        code: 999,
        msg: "ADD: what listens on the Plexus daemon's socket does not answer as it does",
        details: `${socket}: it does not begin like HTTP/2; check that plexus and plexus-daemon are of the same release`,
      },
    },
    {
      why: "ADD, an answer that is no CniReply",
      verb: "ADD",
      connection: { sends: answer(toUtf8("\u0000")), then: "closes" } as const,
      error: {
        code: 999,
        msg: "ADD: what listens on the Plexus daemon's socket does not answer as it does",
        details: `${socket}: an answer without an outcome; check that plexus and plexus-daemon are of the same release`,
      },
    },
  ])("is reported with a next step: $why", ({ verb, connection, error }) => {
    const disk = fakeDisk();
    expect(errorOf({ env: { ...env, CNI_COMMAND: verb }, connections: [connection], disk })).toEqual(error);
    expect(disk.log).toEqual([]);
  });

  it.each([
    { verb: "ADD", seconds: 60 },
    { verb: "CHECK", seconds: 60 },
    { verb: "STATUS", seconds: 20 },
    { verb: "GC", seconds: 0 },
    { verb: "DEL", seconds: 0 },
  ])("$verb waits $seconds s for a daemon (issue 11, section 5)", ({ verb, seconds }) => {
    const { io } = run({ env: { ...env, CNI_COMMAND: verb }, stdin: '{"name":"n","cniVersion":"1.1.0"}' });
    expect(io.now()).toBe(1000 + seconds * 1000);
  });

  it("fails when the result cannot be handed over", () => {
    const { status, stderr } = run({
      stdoutFault: "Broken pipe",
      connections: [replying({ result: Buffer.from("{}") })],
    });
    expect([status, stderr]).toEqual([1, "plexus: cannot write to stdout: Broken pipe\n"]);
  });

  it("T010: becomes an internal error when it is a bug of ours", () => {
    const io = {
      ...fakeIo({ env, stdin }),
      connect: () => {
        throw new Error("boom");
      },
    };
    expect(runShim(io)).toBe(1);
    expect(JSON.parse(io.stdout())).toEqual({
      code: 999,
      msg: "plexus failed: boom",
      details: "this is a bug in plexus, please report it",
    });
  });
});

describe("a DEL that no daemon has begun with", () => {
  const del = { ...env, CNI_COMMAND: "DEL" };

  it.each([
    { why: "nobody listens", connection: absent },
    { why: "the connection is closed unused", connection: { sends: new Uint8Array(0), then: "closes" } as const },
    { why: "the daemon is stopping", connection: { sends: statusAnswer("14", "bye"), then: "closes" } as const },
  ])("succeeds when $why, for it waits in the spool", ({ connection }) => {
    const disk = fakeDisk();
    expect(run({ env: del, connections: [connection], disk })).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect([...disk.files.keys()]).toEqual(["/s/c1@eth0.json"]);
    expect(JSON.parse(disk.files.get("/s/c1@eth0.json") ?? "")).toEqual({
      version: 1,
      at: 1_700_000_000_000,
      containerId: "c1",
      ifName: "eth0",
      netns: "/n",
      netnsIdentity: "",
      netnsKept: false,
      bootId: BOOT_ID,
      netnsOverride: "",
      args: "A=B",
      path: "/opt/cni/bin",
      conf: JSON.parse(stdin) as unknown,
    });
  });

  it("fails with code 11, both reasons and the next step, when it cannot wait there", () => {
    expect(errorOf({ env: del, connections: [absent], disk: fakeDisk({ refuses: "create" }) })).toEqual({
      code: 11,
      msg: "DEL: the Plexus daemon is not running on this node, and the DEL cannot be left in /s: the disk refuses",
      details: `${socket}: No such file or directory; check that the plexus-daemon pod of this node is running and ready`,
    });
  });

  it("does not wait there when the daemon did it", () => {
    const disk = fakeDisk();
    expect(run({ env: del, connections: [replying({})], disk }).status).toBe(0);
    expect(disk.log).toEqual([]);
  });
});
