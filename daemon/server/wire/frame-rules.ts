import { ErrorCode, Flag, FrameType } from "../../../shim/core/http2.ts";

/** Why a connection cannot go on (RFC 9113 §5.4.1). */
export interface ConnectionError {
  readonly code: number;
  readonly why: string;
}

const FIXED_LENGTHS: ReadonlyMap<number, number> = new Map([
  [FrameType.priority, 5],
  [FrameType.resetStream, 4],
  [FrameType.ping, 8],
  [FrameType.windowUpdate, 4],
]);
const ON_A_STREAM: ReadonlySet<number> = new Set([
  FrameType.data,
  FrameType.headers,
  FrameType.priority,
  FrameType.resetStream,
  FrameType.continuation,
]);
const ON_THE_CONNECTION: ReadonlySet<number> = new Set([FrameType.settings, FrameType.ping, FrameType.goAway]);

/** What a client's frame breaks, whatever came before it; undefined when it keeps to the rules. Unknown types do. */
export function brokenRule(type: number, flags: number, stream: number, length: number): ConnectionError | undefined {
  const fixed = FIXED_LENGTHS.get(type);
  if (fixed !== undefined && length !== fixed) return sizeError(type);
  if (type === FrameType.goAway && length < 8) return sizeError(type);
  if (type === FrameType.settings) {
    const isRight = (flags & Flag.ack) === 0 ? length % 6 === 0 : length === 0;
    if (!isRight) return sizeError(type);
  }
  const misplaced = ON_A_STREAM.has(type) ? stream === 0 : ON_THE_CONNECTION.has(type) && stream !== 0;
  if (misplaced) return protocolError(`a frame of type ${type} on stream ${stream}`);
  if (type === FrameType.pushPromise) return protocolError("PUSH_PROMISE from a client");
  return undefined;
}

export function protocolError(why: string): ConnectionError {
  return { code: ErrorCode.protocolError, why };
}

function sizeError(type: number): ConnectionError {
  return { code: ErrorCode.frameSizeError, why: `a frame of type ${type} has the wrong length` };
}
