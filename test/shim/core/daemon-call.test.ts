import { describe, expect, it } from "vitest";
import { callDaemon } from "../../../shim/core/daemon-call.ts";
import { fakeIo, type Connection } from "./fake-io.ts";
import { answer, okHeaders, settings, statusAnswer } from "./http2-peer.ts";

const absent: Connection = { result: "absent", fault: "Connection refused" };
const replying: Connection = { sends: answer(Buffer.from("reply")), then: "closes" };
const greeting: Connection = { sends: settings, then: "closes" };
const silent: Connection = { sends: settings, then: "is silent" };
const closing: Connection = { sends: new Uint8Array(0), then: "closes" };
const says = (code: number): Connection => {
  const error = Buffer.from([8, code, 0x12, 1, 0x6d]);
  return { sends: answer(Buffer.from([0x12, error.length, ...error])), then: "closes" };
};
const starting: Connection = { sends: statusAnswer("14", "starting"), then: "is silent" };

function call(
  connections: readonly Connection[],
  limits: { waitMs?: number; timeoutMs?: number; changesNothing?: boolean } = {},
) {
  const io = fakeIo({ connections });
  const start = io.now();
  const outcome = callDaemon(io, {
    socketPath: "/s",
    path: "/plexus.v1.Cni/Add",
    message: Buffer.alloc(3000, "x"),
    waitMs: limits.waitMs ?? 60_000,
    timeoutMs: limits.timeoutMs ?? 240_000,
    changesNothing: limits.changesNothing ?? false,
  });
  return { outcome, attempts: io.connectedTo.length, took: io.now() - start, sent: io.sent() };
}

describe("callDaemon", () => {
  it("brings the answer back", () => {
    const { outcome, attempts, sent } = call([replying]);
    expect(outcome.kind).toBe("answered");
    expect(attempts).toBe(1);
    expect(sent.includes(Buffer.alloc(3000, "x"))).toBe(true);
  });

  it.each([
    { why: "nobody listened", first: absent },
    { why: "the connection was closed unused", first: closing },
    { why: "the daemon was starting", first: starting },
  ])("tries again every 100 ms when $why, until it works", ({ first }) => {
    const { outcome, attempts, took } = call([first, first, first, replying]);
    expect(outcome.kind).toBe("answered");
    expect([attempts, took]).toEqual([4, 300]);
  });

  it.each([
    { why: "nobody ever listens", connection: absent, outcome: { kind: "absent", reason: "Connection refused" } },
    {
      why: "connections are closed unused",
      connection: closing,
      outcome: { kind: "refused", reason: "it closed the connection" },
    },
    {
      why: "the daemon never gets ready",
      connection: starting,
      outcome: { kind: "failed", status: 14, message: "starting" },
    },
  ])("gives up when the time to wait is over and $why", ({ connection, outcome }) => {
    expect(call([connection], { waitMs: 1000 })).toMatchObject({ outcome, attempts: 11, took: 1000 });
  });

  it("does not wait when it should not", () => {
    expect(call([absent, replying], { waitMs: 0 })).toMatchObject({
      outcome: { kind: "absent" },
      attempts: 1,
      took: 0,
    });
  });

  it("does not wait longer than all of it may take", () => {
    expect(call([absent], { timeoutMs: 500 })).toMatchObject({ outcome: { kind: "absent" }, took: 500 });
  });

  it.each([
    { why: "the daemon went away while it may have been at work", connection: greeting, kind: "lost" },
    {
      why: "the daemon answered with another failure",
      connection: { ...starting, sends: statusAnswer("13", "") },
      kind: "failed",
    },
    { why: "the peer is no daemon", connection: { ...starting, sends: okHeaders }, kind: "broken" },
    {
      why: "the socket cannot be opened",
      connection: { result: "failed", fault: "Permission denied" } as const,
      kind: "unreachable",
    },
  ])("does not ask twice when $why", ({ connection, kind }) => {
    expect(call([connection, replying])).toMatchObject({ outcome: { kind }, attempts: 1 });
  });

  it("stops when a daemon says nothing more", () => {
    expect(call([silent], { timeoutMs: 7000 })).toMatchObject({
      outcome: { kind: "expired" },
      attempts: 1,
      took: 7000,
    });
  });

  it("reads the answer of a daemon to which nothing can be sent any more", () => {
    expect(call([{ ...replying, sendFault: "Broken pipe" }]).outcome.kind).toBe("answered");
  });

  it("does not ask twice when it does not know how much of the request got through", () => {
    const { outcome, attempts } = call([{ ...greeting, sendFault: "Broken pipe" }, replying]);
    expect([outcome, attempts]).toEqual([{ kind: "lost", reason: "Broken pipe" }, 1]);
  });

  it("tries again when the daemon was gone before anything could be sent", () => {
    const { outcome, attempts } = call([{ ...closing, sendFault: "Broken pipe" }, replying]);
    expect([outcome.kind, attempts]).toEqual(["answered", 2]);
  });

  it.each([
    { why: "the daemon went away during the call", first: greeting },
    { why: "the daemon says that it starts or stops", first: says(11) },
  ])("repeats a request that changes nothing when $why, and no other", ({ first }) => {
    const connections = [first, first, replying];
    expect(call(connections, { changesNothing: true })).toMatchObject({ outcome: { kind: "answered" }, attempts: 3 });
    expect(call(connections)).toMatchObject({ attempts: 1 });
    expect(call([first], { changesNothing: true, waitMs: 1000 })).toMatchObject({ attempts: 11, took: 1000 });
  });

  it("does not repeat a request that was answered with another error", () => {
    expect(call([says(50), replying], { changesNothing: true })).toMatchObject({ attempts: 1 });
  });
});
