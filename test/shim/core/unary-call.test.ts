import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Flag, FrameType } from "../../../shim/core/http2.ts";
import { UnaryCall } from "../../../shim/core/unary-call.ts";
import { toUtf8 } from "../../../shim/core/utf8.ts";
import { answer, frame, headerBlock, message, okHeaders, settings, statusAnswer, trailers } from "./http2-peer.ts";

const PATH = "/plexus.v1.Cni/Add";

/** A call whose request has been sent, and that has received these bytes. */
function callThatGot(...bytes: readonly Uint8Array[]): UnaryCall {
  const call = new UnaryCall(PATH, Buffer.from("request"), 5000);
  call.takeOutput();
  for (const piece of bytes) call.receive(piece);
  return call;
}

function broken(reason: string): { kind: "broken"; reason: string } {
  return { kind: "broken", reason };
}

/** The frames in what a call wants to send, as [type, length], without the preface. */
function framesIn(output: Uint8Array): (readonly [number, number])[] {
  const frames: (readonly [number, number])[] = [];
  const bytes = Buffer.from(output);
  for (let at = bytes.indexOf("SM\r\n\r\n") + 6; at < bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    frames.push([bytes.readUInt8(at + 3), bytes.readUIntBE(at, 3)]);
  }
  return frames;
}

describe("a call", () => {
  it.each([
    { why: "in one piece", size: 10_000 },
    { why: "byte by byte", size: 1 },
    { why: "in pieces that cut frames", size: 7 },
  ])("has the answer that came $why", ({ size }) => {
    const bytes = answer(Buffer.from("reply"));
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    expect(callThatGot(...pieces).outcome).toEqual({ kind: "answered", message: toUtf8("reply") });
  });

  it("says in its first bytes all that the peer needs to know", () => {
    const output = new UnaryCall(PATH, Buffer.from("request"), 239_999.4).takeOutput();
    const text = Buffer.from(output).toString("latin1");
    expect(text.startsWith("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).toBe(true);
    expect(text).toContain(PATH);
    expect(text).toContain("grpc-timeout\u0007240000m");
    expect(framesIn(output).map(([type]) => type)).toEqual([
      FrameType.settings,
      FrameType.windowUpdate,
      FrameType.headers,
      FrameType.data,
    ]);
  });

  it("acknowledges SETTINGS and PING, but not what acknowledges its own", () => {
    const call = callThatGot(settings, frame(FrameType.ping, 0, 0, Buffer.from("12345678")));
    call.receive(frame(FrameType.settings, Flag.ack, 0));
    call.receive(frame(FrameType.ping, Flag.ack, 0, Buffer.from("12345678")));
    const acks = [frame(FrameType.settings, Flag.ack, 0), frame(FrameType.ping, Flag.ack, 0, Buffer.from("12345678"))];
    expect(Buffer.from(call.takeOutput())).toEqual(Buffer.concat(acks));
  });

  it("reads padded and prioritised frames, and ignores unknown ones", () => {
    const block = headerBlock([[":status", "200"]]);
    const priority = Buffer.from([0, 0, 0, 0, 16]);
    const headers = frame(
      FrameType.headers,
      Flag.endHeaders | Flag.padded | Flag.priority,
      1,
      Buffer.concat([Buffer.from([3]), priority, block, Buffer.alloc(3)]),
    );
    const data = frame(
      FrameType.data,
      Flag.padded,
      1,
      Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 1, 0x41]), Buffer.alloc(2)]),
    );
    const call = callThatGot(
      settings,
      frame(0xee, 0xff, 9, Buffer.alloc(5)),
      frame(2, 0, 1, priority),
      headers,
      data,
      trailers("0", ""),
    );
    expect(call.outcome).toEqual({ kind: "answered", message: toUtf8("A") });
  });

  it("puts headers together that come in several frames", () => {
    const block = headerBlock([
      [":status", "200"],
      ["grpc-status", "5"],
      ["grpc-message", "100%25 of caf%C3%A9 %zz %"],
    ]);
    const call = callThatGot(
      settings,
      frame(FrameType.headers, Flag.endStream, 1, block.subarray(0, 3)),
      frame(FrameType.continuation, 0, 1, block.subarray(3, 20)),
      frame(FrameType.continuation, Flag.endHeaders, 1, block.subarray(20)),
    );
    expect(call.outcome).toEqual({ kind: "failed", status: 5, message: "100% of café %zz %" });
  });

  it("passes over informational headers", () => {
    const early = frame(FrameType.headers, Flag.endHeaders, 1, headerBlock([[":status", "103"]]));
    const rest = answer(Buffer.from("reply")).subarray(settings.length);
    expect(callThatGot(settings, early, rest).outcome?.kind).toBe("answered");
  });

  it.each([
    { status: "14", expected: 14 },
    { status: "x", expected: 2 },
    { status: "123", expected: 2 },
    { status: "-1", expected: 2 },
  ])("takes grpc-status $status for $expected", ({ status, expected }) => {
    expect(callThatGot(statusAnswer(status, "why")).outcome).toEqual({
      kind: "failed",
      status: expected,
      message: "why",
    });
  });

  it("keeps its first outcome", () => {
    const call = callThatGot(statusAnswer("3", "first"));
    call.connectionEnded("later");
    call.expire();
    expect(call.outcome).toEqual({ kind: "failed", status: 3, message: "first" });
  });
});

describe("a call whose connection ends", () => {
  it("was refused when nothing at all had come, for a server greets first", () => {
    const call = callThatGot(settings.subarray(0, 8));
    call.connectionEnded("closed");
    expect(call.outcome).toEqual({ kind: "refused", reason: "closed" });
  });

  it("was refused when the request had not been sent to its end", () => {
    const call = new UnaryCall(PATH, Buffer.alloc(70_000), 5000);
    call.takeOutput();
    call.receive(settings);
    call.connectionEnded("closed");
    expect(call.outcome).toEqual({ kind: "refused", reason: "closed" });
  });

  it("is lost when the daemon may have been at work", () => {
    const call = callThatGot(settings, okHeaders);
    call.connectionEnded("closed");
    expect(call.outcome).toEqual({ kind: "lost", reason: "closed" });
  });

  it.each([
    {
      why: "GOAWAY names no stream",
      type: FrameType.goAway,
      payload: [0, 0, 0, 0, 0, 0, 0, 0],
      stream: 0,
      expected: "refused",
    },
    {
      why: "the stream is refused",
      type: FrameType.resetStream,
      payload: [0, 0, 0, 7],
      stream: 1,
      expected: "refused",
    },
    { why: "the stream is cancelled", type: FrameType.resetStream, payload: [0, 0, 0, 8], stream: 1, expected: "lost" },
  ])("is $expected when $why", ({ type, payload, stream, expected }) => {
    expect(callThatGot(settings, frame(type, 0, stream, Buffer.from(payload))).outcome?.kind).toBe(expected);
  });

  it("goes on when GOAWAY comes after our stream was taken", () => {
    const goAway = frame(FrameType.goAway, 0, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]));
    const rest = answer(Buffer.from("reply")).subarray(settings.length);
    expect(callThatGot(settings, goAway, rest).outcome?.kind).toBe("answered");
  });
});

describe("sending", () => {
  const request = Buffer.alloc(100_000, "x");
  const windowUpdate = (stream: number, by: number): Uint8Array => {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(by);
    return frame(FrameType.windowUpdate, 0, stream, payload);
  };
  const initialWindow = (size: number): Uint8Array => {
    const payload = Buffer.alloc(6);
    payload.writeUInt16BE(4);
    payload.writeUInt32BE(size, 2);
    return frame(FrameType.settings, 0, 0, payload);
  };
  const dataIn = (call: UnaryCall): number =>
    framesIn(Buffer.concat([Buffer.from("SM\r\n\r\n"), call.takeOutput()]))
      .filter(([type]) => type === FrameType.data)
      .reduce((sum, [, length]) => sum + length, 0);

  it("stays within both windows, and goes on as they open", () => {
    const call = new UnaryCall(PATH, request, 5000);
    const first = framesIn(call.takeOutput()).filter(([type]) => type === FrameType.data);
    expect(first.reduce((sum, [, length]) => sum + length, 0)).toBe(65535);
    call.receive(settings);
    call.receive(windowUpdate(0, 1_000_000));
    expect(dataIn(call)).toBe(0);
    call.receive(windowUpdate(1, 10));
    expect(dataIn(call)).toBe(10);
    call.receive(initialWindow(65535 + 20));
    expect(dataIn(call)).toBe(20);
    call.receive(initialWindow(0));
    call.receive(windowUpdate(1, 65535 + 20));
    expect(dataIn(call)).toBe(0);
    call.receive(windowUpdate(1, 0x7fff0000));
    expect(dataIn(call)).toBe(request.length + 5 - 65535 - 30);
  });

  it.each([
    { why: "an increment of nothing", bytes: windowUpdate(1, 0), reason: "a window out of range" },
    { why: "a stream window above 2^31-1", bytes: windowUpdate(1, 0x7fffffff), reason: "a window out of range" },
    { why: "a connection window above 2^31-1", bytes: windowUpdate(0, 0x7fffffff), reason: "a window out of range" },
    { why: "an initial window above 2^31-1", bytes: initialWindow(0x80000000), reason: "a window that is too large" },
  ])("breaks off at $why", ({ bytes, reason }) => {
    expect(callThatGot(settings, bytes).outcome).toEqual(broken(reason));
  });
});

describe("a peer that breaks the protocol", () => {
  const { data, headers, continuation, ping, goAway, windowUpdate, resetStream, pushPromise } = FrameType;
  const end = Flag.endHeaders | Flag.endStream;
  it.each([
    {
      why: "speaks HTTP/1.1",
      bytes: [Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
      reason: "it does not begin like HTTP/2",
    },
    { why: "does not greet", bytes: [okHeaders], reason: "it does not begin like HTTP/2" },
    {
      why: "sends a frame of 16385 bytes",
      bytes: [settings, frame(data, 0, 1, Buffer.alloc(16385))],
      reason: "a frame that is too large",
    },
    { why: "sends SETTINGS of 5 bytes", bytes: [frame(4, 0, 0, Buffer.alloc(5))], reason: "malformed SETTINGS" },
    { why: "sends SETTINGS on a stream", bytes: [frame(4, 0, 1)], reason: "malformed SETTINGS" },
    { why: "acknowledges with content", bytes: [frame(4, 1, 0, Buffer.alloc(6))], reason: "malformed SETTINGS" },
    { why: "sends a short PING", bytes: [settings, frame(ping, 0, 0, Buffer.alloc(7))], reason: "malformed PING" },
    {
      why: "sends a short GOAWAY",
      bytes: [settings, frame(goAway, 0, 0, Buffer.alloc(7))],
      reason: "malformed GOAWAY",
    },
    {
      why: "sends a long WINDOW_UPDATE",
      bytes: [settings, frame(windowUpdate, 0, 0, Buffer.alloc(5))],
      reason: "malformed WINDOW_UPDATE",
    },
    {
      why: "opens a window of another stream",
      bytes: [settings, frame(windowUpdate, 0, 3, Buffer.alloc(4))],
      reason: "malformed WINDOW_UPDATE",
    },
    { why: "sends an empty RST_STREAM", bytes: [settings, frame(resetStream, 0, 1)], reason: "malformed RST_STREAM" },
    {
      why: "pushes",
      bytes: [settings, frame(pushPromise, 0, 1, Buffer.alloc(4))],
      reason: "PUSH_PROMISE, which was forbidden",
    },
    {
      why: "opens a stream",
      bytes: [settings, frame(headers, end, 2)],
      reason: "a frame of a stream that nobody opened",
    },
    { why: "sends data before headers", bytes: [settings, message(Buffer.from("x"))], reason: "malformed DATA" },
    {
      why: "pads more than there is",
      bytes: [settings, okHeaders, frame(data, Flag.padded, 1, Buffer.from([2, 0]))],
      reason: "malformed DATA",
    },
    { why: "pads nothing at all", bytes: [settings, okHeaders, frame(data, Flag.padded, 1)], reason: "malformed DATA" },
    {
      why: "cuts a priority off",
      bytes: [settings, frame(headers, end | Flag.priority, 1, Buffer.alloc(4))],
      reason: "malformed HEADERS",
    },
    {
      why: "interrupts headers",
      bytes: [settings, frame(headers, 0, 1), frame(ping, 0, 0, Buffer.alloc(8))],
      reason: "a header block out of order",
    },
    {
      why: "continues what was not begun",
      bytes: [settings, frame(continuation, Flag.endHeaders, 1)],
      reason: "a header block out of order",
    },
    {
      why: "sends malformed headers",
      bytes: [settings, frame(headers, end, 1, Buffer.from([0x80]))],
      reason: "malformed headers",
    },
    {
      why: "ends without grpc-status",
      bytes: [settings, frame(headers, end, 1, Buffer.from([0x88]))],
      reason: "an answer without grpc-status",
    },
    {
      why: "is another web server",
      bytes: [settings, frame(headers, end, 1, Buffer.from([0x8d]))],
      reason: 'HTTP status "404"',
    },
    {
      why: "answers without a message",
      bytes: [statusAnswer("0", "")],
      reason: "an answer that is not one plain message",
    },
    {
      why: "answers twice",
      bytes: [settings, okHeaders, message(Buffer.from("a")), message(Buffer.from("b")), trailers("0", "")],
      reason: "an answer that is not one plain message",
    },
    {
      why: "compresses",
      bytes: [settings, okHeaders, frame(data, 0, 1, Buffer.from([1, 0, 0, 0, 0])), trailers("0", "")],
      reason: "an answer that is not one plain message",
    },
    {
      why: "says that it compresses",
      bytes: [settings, frame(headers, Flag.endHeaders, 1, headerBlock([["grpc-encoding", "gzip"]]))],
      reason: "a compressed answer",
    },
    {
      why: "sends headers without end",
      bytes: [
        settings,
        frame(headers, 0, 1),
        ...Array.from({ length: 5 }, () => frame(continuation, 0, 1, Buffer.alloc(16384))),
      ],
      reason: "headers that are too large",
    },
    {
      why: "sends data without end",
      bytes: [settings, okHeaders, ...Array.from({ length: 1025 }, () => frame(data, 0, 1, Buffer.alloc(16384)))],
      reason: "an answer that is too large",
    },
  ])("is left when it $why", ({ bytes, reason }) => {
    expect(callThatGot(...bytes).outcome).toEqual(broken(reason));
  });
});

describe("any bytes whatever", () => {
  const anyFrame = fc
    .record({
      type: fc.nat(10),
      flags: fc.oneof(fc.constantFrom(0, 1, 4, 5, 8, 9, 12, 13, 32, 45), fc.nat(255)),
      stream: fc.constantFrom(0, 0, 1, 1, 1, 2),
      payload: fc.uint8Array({ maxLength: 40 }),
    })
    .map(({ type, flags, stream, payload }) => frame(type, flags, stream, payload));
  const known = fc.constantFrom(okHeaders, message(Buffer.from("x")), trailers("0", ""), trailers("9", "%41%"));

  it("lead to one outcome, and to the same in any pieces", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(anyFrame, known, fc.uint8Array({ maxLength: 30 })), { maxLength: 6 }),
        fc.integer({ min: 1, max: 30 }),
        (frames, size) => {
          const bytes = Buffer.concat([settings, ...frames]);
          const whole = callThatGot(bytes);
          whole.connectionEnded("end");
          const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
            bytes.subarray(i * size, (i + 1) * size),
          );
          const cut = callThatGot(...pieces);
          cut.connectionEnded("end");
          expect(whole.outcome).not.toBeNull();
          expect(cut.outcome).toEqual(whole.outcome);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
