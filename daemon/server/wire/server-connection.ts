import { byteAt, ByteWriter, u32At } from "../../../shim/core/bytes.ts";
import {
  DEFAULT_WINDOW,
  ErrorCode,
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  MAX_FRAME_BYTES,
  MAX_WINDOW,
  PREFACE,
  Setting,
  withoutPadding,
  writeFrameHeader,
  writeSetting,
} from "../../../shim/core/http2.ts";
import { Call, failureHeaders, httpHeaders, OK_TRAILERS, RESPONSE_HEADERS, withPrefix } from "./call.ts";
import { brokenRule, type ConnectionError, protocolError } from "./frame-rules.ts";
import { GrpcCode } from "./grpc-code.ts";
import { HeaderDecoder } from "./header-decoder.ts";
import { RateLimit } from "./rate-limit.ts";
import type { Refusal } from "./message-reader.ts";
import { readHead, type RequestHead } from "./request-headers.ts";

/** How many calls one client may have under way on one connection; it holds back further ones by itself. */
const MOST_STREAMS = 100;
/** What a client may send ahead. It is granted more as soon as half of that has come. */
const STREAM_WINDOW = 256 * 1024;
const CONNECTION_WINDOW = 1024 * 1024;
const LARGEST_HEADER_BLOCK_BYTES = 64 * 1024;
/** The dynamic table size update (RFC 7541 §6.3) to 0. */
const NO_DYNAMIC_TABLE = 0x20;
/** Frames that bring no call further. No client has reason to send many. */
const IDLE_FRAMES = { burst: 1_000, perSecond: 100 } as const;

/**
 * One client's HTTP/2 connection (RFC 9113) with unary gRPC calls on it. Does no input and output: received bytes go into
 * receive(), bytes to be sent come out of takeOutput().
 */
export class ServerConnection {
  private readonly onCall: (call: Call, message: Uint8Array) => void;
  private readonly refuse: (head: RequestHead) => Refusal | undefined;
  private readonly output = new ByteWriter(512);
  private readonly inbound = new ByteWriter(2048);
  private readonly headers = new HeaderDecoder();
  private readonly calls = new Map<number, Call>();
  private readonly idleFrames = new RateLimit(IDLE_FRAMES.burst, IDLE_FRAMES.perSecond);

  private over = false;
  private prefaceLeft = PREFACE.length;
  private greeted = false;
  private settingsCame = false;
  private lastStream = 0;
  private isGoing = false;
  private clientIsGoing = false;
  private sendWindow = DEFAULT_WINDOW;
  private initialSendWindow = DEFAULT_WINDOW;
  private receiveWindow = CONNECTION_WINDOW;
  private unacknowledged = 0;
  private saidNoTable = false;

  /** The header block that is coming: its stream, 0 for none. */
  private blockStream = 0;
  private blockEndsRequest = false;
  private readonly block = new ByteWriter(512);

  /**
   * @param onCall is given each call with its whole request; answer() or fail() ends it
   * @param refuse says why a call cannot be served, from its headers
   */
  constructor(onCall: (call: Call, message: Uint8Array) => void, refuse: (head: RequestHead) => Refusal | undefined) {
    this.onCall = onCall;
    this.refuse = refuse;
  }

  /** Whether nothing more can come of this connection: send what takeOutput() has, then close. */
  isFinished(): boolean {
    return this.over;
  }

  /** What is to be sent now, once: a copy. */
  takeOutput(): Buffer {
    const bytes = Buffer.from(this.output.view());
    this.output.clear();
    return bytes;
  }

  receive(chunk: Uint8Array): void {
    if (this.isFinished()) return;
    const frames = this.readPreface(chunk);
    this.inbound.bytes(frames);
    const bytes = this.inbound.view();
    let start = 0;
    while (!this.isFinished() && bytes.length - start >= FRAME_HEADER_BYTES) {
      const length = u32At(bytes, start) >>> 8;
      if (length > MAX_FRAME_BYTES) {
        this.breakOff({ code: ErrorCode.frameSizeError, why: "a frame is larger than 16384 bytes" });
        break;
      }
      const end = start + FRAME_HEADER_BYTES + length;
      if (end > bytes.length) break;
      const broken = this.readFrame(bytes.subarray(start, end));
      if (broken !== undefined) this.breakOff(broken);
      start = end;
    }
    this.inbound.dropFirst(start);
  }

  /** Ends a call with a message. Without effect on one that has ended. */
  answer(call: Call, message: Uint8Array): void {
    if (this.calls.get(call.stream) !== call || call.reply !== undefined) return;
    call.reply = withPrefix(message);
    this.sendReply(call);
  }

  /** Ends a call with a gRPC status. Without effect on one that has ended. */
  fail(call: Call, code: number, message: string): void {
    if (this.calls.get(call.stream) !== call || call.reply !== undefined) return;
    this.endEarly(call.stream, failureHeaders({ code, message }), call.requestEnded);
    this.close(call);
  }

  /** Takes no new call. Finished as soon as those under way have ended. */
  goAway(): void {
    if (this.isGoing || this.isFinished()) return;
    // A client that has said nothing yet still has to see HTTP/2: SETTINGS come before all else.
    this.greet();
    this.writeGoAway(ErrorCode.noError, "");
    this.isGoing = true;
    this.finishIfIdle();
  }

  /** The client is gone. */
  gone(): void {
    this.over = true;
    for (const call of this.calls.values()) call.tellGone();
    this.calls.clear();
  }

  /** Takes the preface off; greets the client once all of it has come. */
  private readPreface(chunk: Uint8Array): Uint8Array {
    if (this.prefaceLeft === 0) return chunk;
    const length = Math.min(chunk.length, this.prefaceLeft);
    const from = PREFACE.length - this.prefaceLeft;
    const isRight = Buffer.from(chunk.subarray(0, length)).toString("latin1") === PREFACE.slice(from, from + length);
    this.prefaceLeft -= length;
    if (!isRight || this.prefaceLeft === 0) this.greet();
    if (!isRight) {
      this.prefaceLeft = 0;
      this.breakOff(protocolError("it does not begin like HTTP/2"));
    }
    return chunk.subarray(length);
  }

  private greet(): void {
    if (this.greeted) return;
    this.greeted = true;
    writeFrameHeader(this.output, 12, FrameType.settings, 0, 0);
    writeSetting(this.output, Setting.maxConcurrentStreams, MOST_STREAMS);
    writeSetting(this.output, Setting.initialWindowSize, STREAM_WINDOW);
    this.writeWindowUpdate(0, CONNECTION_WINDOW - DEFAULT_WINDOW);
  }

  private readFrame(frame: Uint8Array): ConnectionError | undefined {
    const type = byteAt(frame, 3);
    const flags = byteAt(frame, 4);
    const stream = u32At(frame, 5) & MAX_WINDOW;
    const payload = frame.subarray(FRAME_HEADER_BYTES);
    const broken = brokenRule(type, flags, stream, payload.length);
    if (broken !== undefined) return broken;
    if (!this.settingsCame && type !== FrameType.settings) return protocolError("the first frame is not SETTINGS");
    if (type === FrameType.continuation ? this.blockStream !== stream : this.blockStream !== 0) {
      return protocolError("a header block is interrupted");
    }
    const bringsOn =
      type === FrameType.headers ||
      type === FrameType.windowUpdate ||
      (type === FrameType.data && (payload.length > 0 || (flags & Flag.endStream) !== 0));
    if (!bringsOn && !this.idleFrames.take()) {
      return { code: ErrorCode.enhanceYourCalm, why: "too many frames that bring no call further" };
    }
    switch (type) {
      case FrameType.data:
        return this.onData(flags, stream, payload);
      case FrameType.headers:
        return this.onHeaders(flags, stream, payload);
      case FrameType.continuation:
        return this.onHeaderBlock(flags, payload);
      case FrameType.settings:
        return this.onSettings(flags, payload);
      case FrameType.ping: {
        this.onPing(flags, payload);
        return;
      }
      case FrameType.windowUpdate:
        return this.onWindowUpdate(stream, u32At(payload, 0) & MAX_WINDOW);
      case FrameType.resetStream:
        return this.onReset(stream);
      case FrameType.goAway:
        this.clientIsGoing = true;
        {
          this.finishIfIdle();
          return;
        }
      default:
        return undefined;
    }
  }

  private onHeaders(flags: number, stream: number, payload: Uint8Array): ConnectionError | undefined {
    if (stream % 2 === 0) return protocolError(`HEADERS on stream ${stream}`);
    const fragment = withoutPadding(flags, payload, (flags & Flag.priority) === 0 ? 0 : 5);
    if (fragment === null) return protocolError("HEADERS with more padding than payload");
    this.block.clear();
    this.blockStream = stream;
    this.blockEndsRequest = (flags & Flag.endStream) !== 0;
    return this.onHeaderBlock(flags, fragment);
  }

  private onHeaderBlock(flags: number, fragment: Uint8Array): ConnectionError | undefined {
    if (this.block.length + fragment.length > LARGEST_HEADER_BLOCK_BYTES) {
      return { code: ErrorCode.enhanceYourCalm, why: "the headers are too large" };
    }
    this.block.bytes(fragment);
    return (flags & Flag.endHeaders) === 0 ? undefined : this.onHeadersEnd();
  }

  private onHeadersEnd(): ConnectionError | undefined {
    const stream = this.blockStream;
    this.blockStream = 0;
    // Each block is decoded, also one that no call comes of: the next one may refer to it.
    const headers = this.headers.decode(this.block.view());
    if (headers === null) return { code: ErrorCode.compressionError, why: "the headers cannot be decoded" };
    const call = this.calls.get(stream);
    if (call !== undefined) return this.onTrailers(call);
    // The client ended this stream or was told that it is closed; what it sent meanwhile means nothing.
    if (stream <= this.lastStream) return undefined;
    // After GOAWAY a call is as good as not made: lastStream tells the client so.
    if (this.isGoing) return undefined;
    this.lastStream = stream;
    if (this.calls.size >= MOST_STREAMS) {
      this.writeReset(stream, ErrorCode.refusedStream);
      return;
    }
    const read = readHead(headers);
    if (read.kind === "malformed") {
      this.writeReset(stream, ErrorCode.protocolError);
      return;
    }
    if (read.kind === "http") {
      this.endEarly(stream, httpHeaders(read.status), this.blockEndsRequest);
      return;
    }
    if (read.kind === "failed") {
      this.endEarly(stream, failureHeaders(read), this.blockEndsRequest);
      return;
    }
    const refusal = this.refuse(read.head);
    if (refusal !== undefined) {
      this.endEarly(stream, failureHeaders(refusal), this.blockEndsRequest);
      return;
    }
    const opened = new Call(stream, read.head, STREAM_WINDOW, this.initialSendWindow);
    this.calls.set(stream, opened);
    if (this.blockEndsRequest) this.onRequestEnd(opened);
    return undefined;
  }

  private onTrailers(call: Call): ConnectionError | undefined {
    if (call.requestEnded) {
      this.reset(call, ErrorCode.streamClosed);
      return;
    }
    if (!this.blockEndsRequest) {
      this.reset(call, ErrorCode.protocolError);
      return;
    }
    this.onRequestEnd(call);
    return undefined;
  }

  private onData(flags: number, stream: number, payload: Uint8Array): ConnectionError | undefined {
    if (stream > this.lastStream && !this.isGoing) return protocolError(`DATA on stream ${stream}, which is idle`);
    this.receiveWindow -= payload.length;
    if (this.receiveWindow < 0) return { code: ErrorCode.flowControlError, why: "more DATA than was granted" };
    this.grantConnection(payload.length);
    const call = this.calls.get(stream);
    if (call === undefined) return undefined;
    if (call.requestEnded) {
      this.reset(call, ErrorCode.streamClosed);
      return;
    }
    call.receiveWindow -= payload.length;
    if (call.receiveWindow < 0) {
      this.reset(call, ErrorCode.flowControlError);
      return;
    }
    const content = withoutPadding(flags, payload, 0);
    if (content === null) return protocolError("DATA with more padding than payload");
    const refusal = call.request.push(content);
    if (refusal !== undefined) {
      call.requestEnded = (flags & Flag.endStream) !== 0;
      this.fail(call, refusal.code, refusal.message);
    } else if ((flags & Flag.endStream) !== 0) this.onRequestEnd(call);
    else this.grantStream(call, payload.length);
    return undefined;
  }

  private onRequestEnd(call: Call): void {
    call.requestEnded = true;
    const message = call.request.whole();
    if (message === undefined) this.fail(call, GrpcCode.internal, "the request has no whole message");
    else this.onCall(call, message);
  }

  private onSettings(flags: number, payload: Uint8Array): ConnectionError | undefined {
    this.settingsCame = true;
    if ((flags & Flag.ack) !== 0) return undefined;
    for (let at = 0; at < payload.length; at += 6) {
      const value = u32At(payload, at + 2);
      switch (u32At(payload, at) >>> 16) {
        case Setting.initialWindowSize: {
          if (value > MAX_WINDOW) return { code: ErrorCode.flowControlError, why: "a window is too large" };
          for (const call of this.calls.values()) {
            call.sendWindow += value - this.initialSendWindow;
            if (call.sendWindow > MAX_WINDOW) return { code: ErrorCode.flowControlError, why: "a window is too large" };
          }
          this.initialSendWindow = value;
          break;
        }
        case Setting.enablePush:
          if (value > 1) return protocolError("SETTINGS_ENABLE_PUSH is neither 0 nor 1");
          break;
        case Setting.maxFrameSize:
          if (value < MAX_FRAME_BYTES || value >= 1 << 24)
            return protocolError("SETTINGS_MAX_FRAME_SIZE is out of range");
          break;
      }
    }
    writeFrameHeader(this.output, 0, FrameType.settings, Flag.ack, 0);
    this.sendReplies();
    return undefined;
  }

  private onPing(flags: number, payload: Uint8Array): undefined {
    if ((flags & Flag.ack) !== 0) return;
    writeFrameHeader(this.output, payload.length, FrameType.ping, Flag.ack, 0);
    this.output.bytes(payload);
  }

  private onWindowUpdate(stream: number, increment: number): ConnectionError | undefined {
    if (stream === 0) {
      this.sendWindow += increment;
      if (increment === 0) return protocolError("WINDOW_UPDATE by 0");
      if (this.sendWindow > MAX_WINDOW) return { code: ErrorCode.flowControlError, why: "a window is too large" };
      this.sendReplies();
      return undefined;
    }
    if (stream > this.lastStream && !this.isGoing)
      return protocolError(`WINDOW_UPDATE on stream ${stream}, which is idle`);
    const call = this.calls.get(stream);
    if (call === undefined) return undefined;
    call.sendWindow += increment;
    if (increment === 0) {
      this.reset(call, ErrorCode.protocolError);
      return;
    }
    if (call.sendWindow > MAX_WINDOW) {
      this.reset(call, ErrorCode.flowControlError);
      return;
    }
    this.sendReply(call);
    return undefined;
  }

  private onReset(stream: number): ConnectionError | undefined {
    if (stream > this.lastStream && !this.isGoing)
      return protocolError(`RST_STREAM on stream ${stream}, which is idle`);
    const call = this.calls.get(stream);
    if (call !== undefined) this.close(call);
    return undefined;
  }

  private sendReplies(): void {
    for (const call of this.calls.values()) this.sendReply(call);
  }

  /** Sends as much of the reply as the client's windows allow, and the trailers after its end. */
  private sendReply(call: Call): void {
    if (call.reply === undefined) return;
    if (!call.begun) this.writeHeaders(call.stream, RESPONSE_HEADERS, Flag.endHeaders);
    call.begun = true;
    while (call.reply.length > 0) {
      const length = Math.min(call.reply.length, MAX_FRAME_BYTES, this.sendWindow, call.sendWindow);
      if (length <= 0) return;
      writeFrameHeader(this.output, length, FrameType.data, 0, call.stream);
      this.output.bytes(call.reply.subarray(0, length));
      call.reply = call.reply.subarray(length);
      call.sendWindow -= length;
      this.sendWindow -= length;
    }
    this.writeHeaders(call.stream, OK_TRAILERS, Flag.endHeaders | Flag.endStream);
    this.close(call);
  }

  /** A whole response before the request has ended also tells the client to stop sending (RFC 9113 §8.1). */
  private endEarly(stream: number, block: Uint8Array, requestEnded: boolean): undefined {
    this.writeHeaders(stream, block, Flag.endHeaders | Flag.endStream);
    if (!requestEnded) this.writeReset(stream, ErrorCode.noError);
  }

  private reset(call: Call, code: number): undefined {
    this.writeReset(call.stream, code);
    this.close(call);
  }

  private close(call: Call): void {
    this.calls.delete(call.stream);
    // After an answer no one listens any more.
    call.tellGone();
    this.finishIfIdle();
  }

  private finishIfIdle(): undefined {
    if ((this.isGoing || this.clientIsGoing) && this.calls.size === 0) this.over = true;
  }

  private breakOff({ code, why }: ConnectionError): void {
    this.writeGoAway(code, why);
    this.gone();
  }

  private grantConnection(bytes: number): void {
    this.unacknowledged += bytes;
    if (this.unacknowledged < CONNECTION_WINDOW / 2) return;
    this.writeWindowUpdate(0, this.unacknowledged);
    this.receiveWindow += this.unacknowledged;
    this.unacknowledged = 0;
  }

  private grantStream(call: Call, bytes: number): void {
    call.unacknowledged += bytes;
    if (call.unacknowledged < STREAM_WINDOW / 2) return;
    this.writeWindowUpdate(call.stream, call.unacknowledged);
    call.receiveWindow += call.unacknowledged;
    call.unacknowledged = 0;
  }

  /** The first block says that none will use a dynamic table: a client that allows none insists on hearing it (RFC 7541 §4.2). */
  private writeHeaders(stream: number, block: Uint8Array, flags: number): void {
    const update = this.saidNoTable ? 0 : 1;
    writeFrameHeader(this.output, block.length + update, FrameType.headers, flags, stream);
    if (update > 0) this.output.u8(NO_DYNAMIC_TABLE);
    this.saidNoTable = true;
    this.output.bytes(block);
  }

  private writeReset(stream: number, code: number): undefined {
    writeFrameHeader(this.output, 4, FrameType.resetStream, 0, stream);
    this.output.u32(code);
  }

  private writeWindowUpdate(stream: number, increment: number): void {
    writeFrameHeader(this.output, 4, FrameType.windowUpdate, 0, stream);
    this.output.u32(increment);
  }

  private writeGoAway(code: number, why: string): void {
    writeFrameHeader(this.output, 8 + why.length, FrameType.goAway, 0, 0);
    this.output.u32(this.lastStream);
    this.output.u32(code);
    this.output.ascii(why);
  }
}
