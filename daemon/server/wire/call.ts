import { ByteWriter } from "../../../shim/core/bytes.ts";
import { writeHeader } from "../../../shim/core/hpack.ts";
import { percentEncode } from "./grpc-code.ts";
import { MessageReader, PREFIX_BYTES, type Refusal } from "./message-reader.ts";
import type { RequestHead } from "./request-headers.ts";

/** The stream of one call, as its connection keeps it. */
export class Call {
  readonly stream: number;
  readonly head: RequestHead;
  readonly request = new MessageReader();
  /** Whether the client has said all. */
  requestEnded = false;
  /** What the client may still send before it is granted more, and how much it has sent since it last was. */
  receiveWindow: number;
  unacknowledged = 0;
  /** What the client accepts of the reply before it grants more. */
  sendWindow: number;
  /** The reply that remains to be sent, with its prefix; undefined while there is none. */
  reply: Uint8Array | undefined;
  /** Whether the response headers were sent. */
  begun = false;
  private listeners: (() => void)[] = [];

  constructor(stream: number, head: RequestHead, receiveWindow: number, sendWindow: number) {
    this.stream = stream;
    this.head = head;
    this.receiveWindow = receiveWindow;
    this.sendWindow = sendWindow;
  }

  /** Calls `tell` when the client goes away or cancels the call. Returns how to stop that. */
  onGone(tell: () => void): () => void {
    this.listeners.push(tell);
    return () => {
      this.listeners = this.listeners.filter((listener) => listener !== tell);
    };
  }

  tellGone(): void {
    for (const tell of this.listeners.splice(0)) tell();
  }
}

/** A message as the body of a reply. */
export function withPrefix(message: Uint8Array): Uint8Array {
  const out = new ByteWriter(message.length + PREFIX_BYTES);
  out.u8(0);
  out.u32(message.length);
  out.bytes(message);
  return out.view();
}

export const RESPONSE_HEADERS: Uint8Array = headerBlock([
  [":status", "200"],
  ["content-type", "application/grpc"],
]);

export const OK_TRAILERS: Uint8Array = headerBlock([["grpc-status", "0"]]);

/** A response without a message. */
export function failureHeaders({ code, message }: Refusal): Uint8Array {
  return headerBlock([
    [":status", "200"],
    ["content-type", "application/grpc"],
    ["grpc-status", String(code)],
    ["grpc-message", percentEncode(message)],
    ["grpc-accept-encoding", "identity"],
  ]);
}

/** A response to what is no gRPC call. */
export function httpHeaders(status: string): Uint8Array {
  return headerBlock([[":status", status]]);
}

function headerBlock(headers: readonly (readonly [string, string])[]): Uint8Array {
  const out = new ByteWriter(64);
  for (const [name, value] of headers) writeHeader(out, name, value);
  return out.view();
}
