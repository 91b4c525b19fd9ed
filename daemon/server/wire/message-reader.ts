import { byteAt, ByteWriter, u32At } from "../../../shim/core/bytes.ts";
import { GrpcCode } from "./grpc-code.ts";

/** What precedes a gRPC message: a byte for "compressed", four for the length. */
export const PREFIX_BYTES = 5;
/** Far above any config: a bound on what one call may make the daemon hold. */
const LARGEST_MESSAGE_BYTES = 16 << 20;

export interface Refusal {
  readonly code: number;
  readonly message: string;
}

/** Puts the one message of a unary request together. */
export class MessageReader {
  private readonly received = new ByteWriter(512);

  /** Takes what came; says why the request cannot be served, as soon as that is known. */
  push(bytes: Uint8Array): Refusal | undefined {
    this.received.bytes(bytes);
    const { length } = this.received;
    if (length < PREFIX_BYTES) return undefined;
    const view = this.received.view();
    const announced = u32At(view, 1);
    if (announced > LARGEST_MESSAGE_BYTES) {
      const message = `the message has ${announced} bytes, more than ${LARGEST_MESSAGE_BYTES}`;
      return { code: GrpcCode.resourceExhausted, message };
    }
    if (byteAt(view, 0) !== 0)
      return { code: GrpcCode.unimplemented, message: "compressed messages are not supported" };
    if (length - PREFIX_BYTES > announced) return { code: GrpcCode.internal, message: "more than one message" };
    return undefined;
  }

  /** The message; undefined when the request ended before it was whole. */
  whole(): Uint8Array | undefined {
    const view = this.received.view();
    return view.length >= PREFIX_BYTES && u32At(view, 1) === view.length - PREFIX_BYTES
      ? view.subarray(PREFIX_BYTES)
      : undefined;
  }
}
