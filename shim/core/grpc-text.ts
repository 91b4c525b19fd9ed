import { byteAt, ByteWriter } from "./bytes.ts";
import { GrpcStatus } from "./call-outcome.ts";
import { hexDigit } from "./json-scanner.ts";
import { fromUtf8, toUtf8 } from "./utf8.ts";

/** The status in a grpc-status header. What is no number there counts as UNKNOWN, as in any gRPC client. */
export function parseGrpcStatus(text: string): number {
  if (text.length < 1 || text.length > 2) return GrpcStatus.unknown;
  let status = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return GrpcStatus.unknown;
    status = status * 10 + digit;
  }
  return status;
}

/** The text of a grpc-message header: UTF-8, with %XX for what a header cannot hold. A stray % stands for itself. */
export function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  const encoded = toUtf8(text);
  const decoded = new ByteWriter(encoded.length);
  for (let at = 0; at < encoded.length; at++) {
    const high = hexDigit(byteAt(encoded, at + 1));
    const low = hexDigit(byteAt(encoded, at + 2));
    if (byteAt(encoded, at) === PERCENT && high >= 0 && low >= 0) {
      decoded.u8(high * 16 + low);
      at += 2;
    } else {
      decoded.u8(byteAt(encoded, at));
    }
  }
  return fromUtf8(decoded.view());
}

const PERCENT = 0x25;
