import { byteAt, ByteWriter, u32At } from "./bytes.ts";
import { GrpcStatus, type CallOutcome } from "./call-outcome.ts";
import { parseGrpcStatus, percentDecode } from "./grpc-text.ts";
import { readResponseHeaders, writeHeader } from "./hpack.ts";
import {
  CALL_STREAM,
  DEFAULT_WINDOW,
  ErrorCode,
  Flag,
  FRAME_HEADER_BYTES,
  frameProblem,
  FrameType,
  MAX_FRAME_BYTES,
  MAX_WINDOW,
  PREFACE,
  Setting,
  withoutPadding,
  writeFrameHeader,
  writeSetting,
} from "./http2.ts";

/** More than any answer has; a peer that sends more is stopped rather than stored. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024;
const MAX_HEADER_BLOCK_BYTES = 64 * 1024;

/** What precedes a gRPC message: a byte for "compressed", four for the length. */
const MESSAGE_PREFIX_BYTES = 5;

/**
 * One unary gRPC call, over HTTP/2, on a connection of its own. It does no input and output: bytes to be sent are fetched with
 * takeOutput(), bytes that came are given to receive(), until there is an `outcome`.
 *
 * Receiving needs no flow control, as the largest possible windows are granted at the start. Sending keeps to the peer's.
 */
export class UnaryCall {
  outcome: CallOutcome | null = null;

  private readonly output = new ByteWriter(4096);
  private readonly inbound = new ByteWriter(MAX_FRAME_BYTES);

  /** The request with its prefix, and how much of it is in frames already. */
  private readonly request: Uint8Array;
  private framed = 0;
  /** Whether all of it was taken to be sent. From then on the peer may have got it, even if sending failed. */
  private requestTaken = false;
  private connectionWindow = DEFAULT_WINDOW;
  private streamWindow = DEFAULT_WINDOW;
  private initialWindow = DEFAULT_WINDOW;

  /** Whether the peer has sent its SETTINGS, which is the first thing a server does. */
  private greeted = false;
  private readonly reply = new ByteWriter(4096);
  private readonly headerBlock = new ByteWriter(512);
  private inHeaderBlock = false;
  private headersEndStream = false;
  private httpStatus = "";
  private grpcStatus = "";
  private grpcMessage = "";

  /** @param path Such as "/plexus.v1.Cni/Add". @param timeoutMs What the peer is told of our deadline. */
  constructor(path: string, message: Uint8Array, timeoutMs: number) {
    const request = new ByteWriter(message.length + MESSAGE_PREFIX_BYTES);
    request.u8(0);
    request.u32(message.length);
    request.bytes(message);
    this.request = request.view();
    this.writeConnectionStart();
    this.writeRequestHeaders(path, timeoutMs);
    this.writeRequestData();
  }

  /** What is to be sent now, once: a view, valid until the next call of any method. */
  takeOutput(): Uint8Array {
    const bytes = this.output.view();
    this.output.clear();
    this.requestTaken = this.framed === this.request.length;
    return bytes;
  }

  /** Bytes have come from the peer. */
  receive(chunk: Uint8Array): void {
    this.inbound.bytes(chunk);
    const bytes = this.inbound.view();
    let start = 0;
    while (this.outcome === null && bytes.length - start >= FRAME_HEADER_BYTES) {
      const length = u32At(bytes, start) >>> 8;
      if (length > MAX_FRAME_BYTES || (!this.greeted && byteAt(bytes, start + 3) !== FrameType.settings)) {
        return this.breakOff(this.greeted ? "a frame that is too large" : "it does not begin like HTTP/2");
      }
      const end = start + FRAME_HEADER_BYTES + length;
      if (end > bytes.length) break;
      this.readFrame(bytes.subarray(start, end));
      start = end;
    }
    this.inbound.dropFirst(start);
  }

  /** Nothing more can come from the peer. */
  connectionEnded(reason: string): void {
    this.end({ kind: this.greeted && this.requestTaken ? "lost" : "refused", reason });
  }

  expire(): void {
    this.end({ kind: "expired" });
  }

  private writeConnectionStart(): void {
    this.output.ascii(PREFACE);
    writeFrameHeader(this.output, 18, FrameType.settings, 0, 0);
    writeSetting(this.output, Setting.headerTableSize, 0);
    writeSetting(this.output, Setting.enablePush, 0);
    writeSetting(this.output, Setting.initialWindowSize, MAX_WINDOW);
    writeFrameHeader(this.output, 4, FrameType.windowUpdate, 0, 0);
    this.output.u32(MAX_WINDOW - DEFAULT_WINDOW);
  }

  private writeRequestHeaders(path: string, timeoutMs: number): void {
    const block = new ByteWriter(256);
    writeHeader(block, ":method", "POST");
    writeHeader(block, ":scheme", "http");
    writeHeader(block, ":path", path);
    writeHeader(block, ":authority", "localhost");
    writeHeader(block, "te", "trailers");
    writeHeader(block, "content-type", "application/grpc");
    writeHeader(block, "grpc-timeout", `${Math.ceil(timeoutMs)}m`);
    writeFrameHeader(this.output, block.length, FrameType.headers, Flag.endHeaders, CALL_STREAM);
    this.output.bytes(block.view());
  }

  /** Puts as much of the request into frames as the peer's windows allow. */
  private writeRequestData(): void {
    while (this.framed < this.request.length) {
      const rest = this.request.length - this.framed;
      const length = Math.min(rest, MAX_FRAME_BYTES, this.connectionWindow, this.streamWindow);
      if (length <= 0) return;
      const flags = length === rest ? Flag.endStream : 0;
      writeFrameHeader(this.output, length, FrameType.data, flags, CALL_STREAM);
      this.output.bytes(this.request.subarray(this.framed, this.framed + length));
      this.framed += length;
      this.connectionWindow -= length;
      this.streamWindow -= length;
    }
  }

  private readFrame(frame: Uint8Array): void {
    const type = byteAt(frame, 3);
    const flags = byteAt(frame, 4);
    const stream = u32At(frame, 5) & MAX_WINDOW;
    const payload = frame.subarray(FRAME_HEADER_BYTES);
    const problem = frameProblem(type, flags, stream, payload.length);
    if (problem !== "") return this.breakOff(problem);
    if (this.inHeaderBlock !== (type === FrameType.continuation)) return this.breakOff("a header block out of order");
    switch (type) {
      case FrameType.data:
        return this.onData(flags, payload);
      case FrameType.headers:
        return this.onHeaders(flags, payload);
      case FrameType.continuation:
        return this.onHeaderBlock(flags, payload);
      case FrameType.settings:
        return this.onSettings(flags, payload);
      case FrameType.ping:
        return this.onPing(flags, payload);
      case FrameType.windowUpdate:
        return this.onWindowUpdate(stream, u32At(payload, 0) & MAX_WINDOW);
      case FrameType.resetStream:
        return this.onReset(u32At(payload, 0));
      case FrameType.goAway:
        return this.onGoAway(u32At(payload, 0) & MAX_WINDOW);
    }
  }

  private onData(flags: number, payload: Uint8Array): void {
    const content = withoutPadding(flags, payload, 0);
    if (content === null || this.httpStatus === "") return this.breakOff("malformed DATA");
    if (this.reply.length + content.length > MAX_REPLY_BYTES) return this.breakOff("an answer that is too large");
    this.reply.bytes(content);
    if ((flags & Flag.endStream) !== 0) this.onStreamEnd();
  }

  private onHeaders(flags: number, payload: Uint8Array): void {
    const fragment = withoutPadding(flags, payload, (flags & Flag.priority) !== 0 ? 5 : 0);
    if (fragment === null) return this.breakOff("malformed HEADERS");
    this.headerBlock.clear();
    this.headersEndStream = (flags & Flag.endStream) !== 0;
    this.onHeaderBlock(flags, fragment);
  }

  private onHeaderBlock(flags: number, fragment: Uint8Array): void {
    if (this.headerBlock.length + fragment.length > MAX_HEADER_BLOCK_BYTES)
      return this.breakOff("headers that are too large");
    this.headerBlock.bytes(fragment);
    this.inHeaderBlock = (flags & Flag.endHeaders) === 0;
    if (!this.inHeaderBlock) this.onHeadersEnd();
  }

  private onHeadersEnd(): void {
    const headers = readResponseHeaders(this.headerBlock.view());
    if (headers === null) return this.breakOff("malformed headers");
    if (headers.grpcEncoding !== "" && headers.grpcEncoding !== "identity") return this.breakOff("a compressed answer");
    const informational = headers.httpStatus.startsWith("1");
    if (headers.httpStatus !== "" && !informational) this.httpStatus = headers.httpStatus;
    if (headers.grpcStatus !== "") this.grpcStatus = headers.grpcStatus;
    if (headers.grpcMessage !== "") this.grpcMessage = headers.grpcMessage;
    if (this.headersEndStream) this.onStreamEnd();
  }

  private onSettings(flags: number, payload: Uint8Array): void {
    this.greeted = true;
    if ((flags & Flag.ack) !== 0) return;
    for (let at = 0; at < payload.length; at += 6) {
      if (u32At(payload, at) >>> 16 !== Setting.initialWindowSize) continue;
      const size = u32At(payload, at + 2);
      if (size > MAX_WINDOW) return this.breakOff("a window that is too large");
      this.streamWindow += size - this.initialWindow;
      this.initialWindow = size;
    }
    writeFrameHeader(this.output, 0, FrameType.settings, Flag.ack, 0);
    this.writeRequestData();
  }

  private onPing(flags: number, payload: Uint8Array): void {
    if ((flags & Flag.ack) !== 0) return;
    writeFrameHeader(this.output, payload.length, FrameType.ping, Flag.ack, 0);
    this.output.bytes(payload);
  }

  private onWindowUpdate(stream: number, increment: number): void {
    if (stream === CALL_STREAM) this.streamWindow += increment;
    else this.connectionWindow += increment;
    if (increment === 0 || this.streamWindow > MAX_WINDOW || this.connectionWindow > MAX_WINDOW) {
      return this.breakOff("a window out of range");
    }
    this.writeRequestData();
  }

  private onReset(errorCode: number): void {
    const kind = errorCode === ErrorCode.refusedStream ? "refused" : "lost";
    this.end({ kind, reason: `it gave the call up, HTTP/2 error ${errorCode}` });
  }

  private onGoAway(lastStream: number): void {
    if (lastStream < CALL_STREAM) this.end({ kind: "refused", reason: "it takes no more calls" });
  }

  private onStreamEnd(): void {
    if (this.httpStatus !== "200") return this.breakOff(`HTTP status ${JSON.stringify(this.httpStatus)}`);
    if (this.grpcStatus === "") return this.breakOff("an answer without grpc-status");
    const status = parseGrpcStatus(this.grpcStatus);
    if (status !== GrpcStatus.ok) {
      return this.end({ kind: "failed", status, message: percentDecode(this.grpcMessage) });
    }
    const reply = this.reply.view();
    const complete = reply.length >= MESSAGE_PREFIX_BYTES && u32At(reply, 1) === reply.length - MESSAGE_PREFIX_BYTES;
    if (!complete || byteAt(reply, 0) !== 0) return this.breakOff("an answer that is not one plain message");
    this.end({ kind: "answered", message: reply.subarray(MESSAGE_PREFIX_BYTES) });
  }

  private breakOff(what: string): void {
    this.end({ kind: "broken", reason: what });
  }

  private end(outcome: CallOutcome): void {
    if (this.outcome === null) this.outcome = outcome;
  }
}
