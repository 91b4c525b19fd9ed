import { ByteWriter } from "../../../shim/core/bytes.ts";
import { writeHeader } from "../../../shim/core/hpack.ts";
import { Flag, FrameType, writeFrameHeader } from "../../../shim/core/http2.ts";

/** The bytes of one HTTP/2 frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const out = new ByteWriter(16);
  writeFrameHeader(out, payload.length, type, flags, stream);
  out.bytes(payload);
  return out.view();
}

export function headerBlock(headers: readonly (readonly [string, string])[]): Uint8Array {
  const out = new ByteWriter(16);
  for (const [name, value] of headers) writeHeader(out, name, value);
  return out.view();
}

export const settings = frame(FrameType.settings, 0, 0);

export const okHeaders = frame(FrameType.headers, Flag.endHeaders, 1, headerBlock([[":status", "200"]]));

export function trailers(status: string, message: string): Uint8Array {
  const block = headerBlock([
    [":status", "200"],
    ["grpc-status", status],
    ["grpc-message", message],
  ]);
  return frame(FrameType.headers, Flag.endHeaders | Flag.endStream, 1, block);
}

/** A gRPC message in one DATA frame. */
export function message(content: Uint8Array): Uint8Array {
  const out = new ByteWriter(16);
  out.u8(0);
  out.u32(content.length);
  out.bytes(content);
  return frame(FrameType.data, 0, 1, out.view());
}

/** All that a server sends that answers with a message. */
export function answer(content: Uint8Array): Uint8Array {
  return Buffer.concat([settings, okHeaders, message(content), trailers("0", "")]);
}

/** All that a server sends that answers with a gRPC status alone. */
export function statusAnswer(status: string, text: string): Uint8Array {
  return Buffer.concat([settings, trailers(status, text)]);
}
