import { byteAt, type ByteWriter } from "./bytes.ts";

/** The parts of HTTP/2 (RFC 9113) that unary calls need, on the side of the shim and of the daemon. */

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const Setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export const ErrorCode = {
  noError: 0,
  protocolError: 1,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
export const FRAME_HEADER_BYTES = 9;

/** What every peer accepts, and all that it may send us, since we do not announce more. */
export const MAX_FRAME_BYTES = 16384;

export const MAX_WINDOW = 0x7fffffff;
export const DEFAULT_WINDOW = 65535;

export function writeFrameHeader(out: ByteWriter, length: number, type: number, flags: number, stream: number): void {
  out.u24(length);
  out.u8(type);
  out.u8(flags);
  out.u32(stream);
}

export function writeSetting(out: ByteWriter, id: number, value: number): void {
  out.u8(id >>> 8);
  out.u8(id);
  out.u32(value);
}

/**
 * What a frame of this type breaks: the one length or the stream it must have; "" when it keeps to the rules.
 * Behind this check every fixed-size frame is as long as it must be. Types that are not listed are not checked.
 */
export function frameProblem(type: number, flags: number, stream: number, length: number): string {
  switch (type) {
    case FrameType.settings: {
      const rightLength = (flags & Flag.ack) !== 0 ? length === 0 : length % 6 === 0;
      return rightLength && stream === 0 ? "" : "malformed SETTINGS";
    }
    case FrameType.ping:
      return length === 8 && stream === 0 ? "" : "malformed PING";
    case FrameType.goAway:
      return length >= 8 && stream === 0 ? "" : "malformed GOAWAY";
    case FrameType.windowUpdate:
      return length === 4 && stream <= CALL_STREAM ? "" : "malformed WINDOW_UPDATE";
    case FrameType.resetStream:
      return length === 4 && stream === CALL_STREAM ? "" : "malformed RST_STREAM";
    case FrameType.data:
    case FrameType.headers:
    case FrameType.continuation:
      return stream === CALL_STREAM ? "" : "a frame of a stream that nobody opened";
    case FrameType.pushPromise:
      return "PUSH_PROMISE, which was forbidden";
    default:
      return "";
  }
}

/** The only stream there is. */
export const CALL_STREAM = 1;

/** The payload less its padding and the `skip` bytes that precede the content; null when it is too short for them. */
export function withoutPadding(flags: number, payload: Uint8Array, skip: number): Uint8Array | null {
  if ((flags & Flag.padded) === 0) return skip > payload.length ? null : payload.subarray(skip);
  const end = payload.length - byteAt(payload, 0);
  const start = 1 + skip;
  return payload.length === 0 || start > end ? null : payload.subarray(start, end);
}
