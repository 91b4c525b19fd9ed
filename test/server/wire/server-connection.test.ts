/** One connection of the unary server, byte by byte: what ends it, what ends a call only, and what cannot harm it. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServerConnection } from "../../../daemon/server/wire/server-connection.ts";
import { ErrorCode, Flag, FrameType, PREFACE } from "../../../shim/core/http2.ts";
import { frame, headerBlock, message, settings } from "../../shim/core/http2-peer.ts";

const bytes = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);
const preface = Buffer.from(PREFACE);
const hello = bytes(preface, settings);
const head = headerBlock([
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/Echo"],
  ["content-type", "application/grpc"],
]);
const END = Flag.endHeaders | Flag.endStream;
const open = (stream = 1, flags: number = Flag.endHeaders): Uint8Array => frame(FrameType.headers, flags, stream, head);
const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
};
const setting = (id: number, value: number): Uint8Array =>
  frame(FrameType.settings, 0, 0, bytes(Buffer.from([0, id]), u32(value)));

interface Frame {
  readonly type: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The server's frames; fails on bytes that are none. */
function framesOf(output: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < output.length;) {
    const length = output.readUIntBE(at, 3);
    const payload = output.subarray(at + 9, at + 9 + length);
    expect(payload).toHaveLength(length);
    frames.push({ type: output.readUInt8(at + 3), stream: output.readUInt32BE(at + 5), payload });
    at += 9 + length;
  }
  return frames;
}

/** A connection that echoes, and what it has sent. */
function connection() {
  let output: Buffer = Buffer.alloc(0);
  const made = new ServerConnection(
    (call, request) => made.answer(call, request),
    () => undefined,
  );
  return {
    made,
    receive(...chunks: readonly Uint8Array[]) {
      for (const chunk of chunks) {
        made.receive(chunk);
        output = bytes(output, made.takeOutput());
      }
    },
    frames: () => framesOf(output),
    output: () => output,
  };
}

function goAwayOf(frames: readonly Frame[]): number | undefined {
  return frames.find(({ type }) => type === FrameType.goAway)?.payload.readUInt32BE(4);
}

const flood = (one: Uint8Array): Uint8Array => bytes(...Array.from({ length: 1_200 }, () => one));

describe("a connection ends with GOAWAY at", () => {
  const { protocolError, frameSizeError, flowControlError, compressionError, enhanceYourCalm } = ErrorCode;
  it.each([
    { what: "HTTP/1.1", input: Buffer.from("GET / HTTP/1.1\r\n\r\n"), code: protocolError },
    { what: "a first frame that is not SETTINGS", input: bytes(preface, open()), code: protocolError },
    {
      what: "a frame above 16384 bytes",
      input: bytes(hello, frame(0, 0, 1, Buffer.alloc(16_385))),
      code: frameSizeError,
    },
    {
      what: "a PING of 7 bytes",
      input: bytes(hello, frame(FrameType.ping, 0, 0, Buffer.alloc(7))),
      code: frameSizeError,
    },
    { what: "SETTINGS of 5 bytes", input: bytes(hello, frame(4, 0, 0, Buffer.alloc(5))), code: frameSizeError },
    { what: "SETTINGS on a stream", input: bytes(hello, frame(4, 0, 1)), code: protocolError },
    { what: "DATA on stream 0", input: bytes(hello, frame(0, 0, 0)), code: protocolError },
    { what: "DATA on an idle stream", input: bytes(hello, frame(0, 0, 1)), code: protocolError },
    { what: "HEADERS on an even stream", input: bytes(hello, open(2)), code: protocolError },
    { what: "PUSH_PROMISE", input: bytes(hello, frame(5, 0, 1, u32(2))), code: protocolError },
    { what: "CONTINUATION out of place", input: bytes(hello, frame(9, 0, 1)), code: protocolError },
    {
      what: "a header block that is interrupted",
      input: bytes(hello, open(1, 0), frame(6, 0, 0, Buffer.alloc(8))),
      code: protocolError,
    },
    {
      what: "headers that cannot be decoded",
      input: bytes(hello, frame(1, END, 1, Buffer.from([0x80]))),
      code: compressionError,
    },
    {
      what: "headers of more than 64 KiB",
      input: bytes(hello, open(1, 0), ...Array.from({ length: 5 }, () => frame(9, 0, 1, Buffer.alloc(16_000)))),
      code: enhanceYourCalm,
    },
    {
      what: "padding that is longer than the frame",
      input: bytes(hello, open(), frame(0, Flag.padded, 1, Buffer.from([9, 0]))),
      code: protocolError,
    },
    { what: "WINDOW_UPDATE by 0", input: bytes(hello, frame(8, 0, 0, u32(0))), code: protocolError },
    {
      what: "a connection window above 2^31 - 1",
      input: bytes(hello, frame(8, 0, 0, u32(0x7fffffff))),
      code: flowControlError,
    },
    { what: "an initial window above 2^31 - 1", input: bytes(preface, setting(4, 0x80000000)), code: flowControlError },
    { what: "RST_STREAM on an idle stream", input: bytes(hello, frame(3, 0, 1, u32(8))), code: protocolError },
    {
      what: "a flood of PING",
      input: bytes(hello, flood(frame(FrameType.ping, 0, 0, Buffer.alloc(8)))),
      code: enhanceYourCalm,
    },
    { what: "a flood of SETTINGS", input: bytes(hello, flood(settings)), code: enhanceYourCalm },
    { what: "a flood of empty DATA", input: bytes(hello, open(), flood(frame(0, 0, 1))), code: enhanceYourCalm },
    {
      what: "a flood of empty CONTINUATION",
      input: bytes(hello, open(1, 0), flood(frame(9, 0, 1))),
      code: enhanceYourCalm,
    },
    { what: "a flood of unknown frames", input: bytes(hello, flood(frame(200, 0, 0))), code: enhanceYourCalm },
  ])("$what (error $code)", ({ input, code }) => {
    const { made, receive, frames } = connection();
    receive(input);
    expect(goAwayOf(frames())).toBe(code);
    expect(made.isFinished()).toBe(true);
  });
});

describe("a call alone ends at", () => {
  const request = message(Buffer.from("hi"));
  it.each([
    {
      what: "a second method",
      input: frame(
        1,
        END,
        1,
        headerBlock([
          [":method", "POST"],
          [":method", "POST"],
        ]),
      ),
    },
    { what: "an upper-case header", input: frame(1, END, 1, bytes(head, headerBlock([["Te", "trailers"]]))) },
    { what: "trailers that do not end the request", input: bytes(open(), open()) },
    { what: "WINDOW_UPDATE by 0 on its stream", input: bytes(open(), frame(8, 0, 1, u32(0))) },
  ])("$what", ({ input }) => {
    const { receive, frames } = connection();
    receive(hello, input, open(3), request.with(8, 3), frame(0, Flag.endStream, 3));
    expect(goAwayOf(frames())).toBeUndefined();
    expect(frames().find(({ type }) => type === FrameType.resetStream)?.stream).toBe(1);
    expect(frames().at(-1)).toMatchObject({ type: FrameType.headers, stream: 3 });
  });
});

describe("a connection", () => {
  const request = message(Buffer.from("hi"));

  it("takes padding, priority, trailers, unknown frames and settings", () => {
    const { receive, frames } = connection();
    const padded = bytes(Buffer.from([2, 0, 0, 0, 0, 9]), head, Buffer.alloc(2));
    receive(
      bytes(preface, setting(99, 1), frame(2, 0, 1, Buffer.alloc(5)), frame(77, 0, 5)),
      frame(1, Flag.endHeaders | Flag.padded | Flag.priority, 1, padded),
      frame(0, Flag.padded, 1, bytes(Buffer.from([1]), request.subarray(9), Buffer.alloc(1))),
      frame(1, END, 1, headerBlock([["x-trailer", "1"]])),
    );
    expect(frames().at(-2)).toMatchObject({ type: FrameType.data, payload: Buffer.from(request.subarray(9)) });
  });

  it("gives the same answer however the bytes are cut", () => {
    const input = bytes(
      hello,
      open(),
      request,
      frame(0, Flag.endStream, 1),
      open(3),
      request.with(8, 3),
      frame(0, 1, 3),
    );
    const whole = connection();
    whole.receive(input);
    fc.assert(
      fc.property(fc.array(fc.nat(input.length), { maxLength: 20 }), (cuts) => {
        const cut = connection();
        const places = [0, ...cuts.toSorted((a, b) => a - b), input.length];
        cut.receive(...places.slice(1).map((place, index) => input.subarray(places[index], place)));
        expect(cut.output()).toEqual(whole.output());
      }),
    );
  });

  it("answers whatever comes with frames, and grows no more than what came", () => {
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .tuple(fc.nat(11), fc.nat(0x3f), fc.nat(6), fc.uint8Array({ maxLength: 60 }))
        .map(([type, flags, stream, payload]) => frame(type, flags, stream, payload)),
      fc.constantFrom(open(), open(3), open(5, END), request, frame(0, Flag.endStream, 1), setting(4, 3), settings),
      fc.tuple(fc.nat(300), fc.nat(255)).map(([at, value]) => bytes(open(), request).with(at % request.length, value)),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const { receive, frames, output } = connection();
        const input = bytes(hello, ...parts);
        receive(hello, ...parts);
        frames();
        expect(output().length).toBeLessThan(1_000 + 30 * input.length);
      }),
      { numRuns: 3_000 },
    );
  });
});
