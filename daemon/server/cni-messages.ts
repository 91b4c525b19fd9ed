/** CniRequest and CniReply of proto/plexus/v1/cni.proto, in protobuf's binary form. */
import { ByteWriter } from "../../shim/core/bytes.ts";
import { FieldReader, LENGTH_DELIMITED, VARINT, writeField, writeVarint } from "../../shim/core/protobuf.ts";
import type { WireRequest } from "./cni-request.ts";

export type WireReply =
  | { readonly result: Uint8Array }
  | { readonly error: { readonly code: number; readonly msg: string; readonly details: string } };

/** Fields of CniRequest by their numbers. */
const TEXTS = {
  1: "containerId",
  2: "netns",
  3: "ifname",
  4: "args",
  5: "path",
  7: "netnsOverride",
  8: "requestId",
} as const;
const CONFIG = 6;
const NOTHING = new Uint8Array(0);

/** Undefined for bytes that are no CniRequest. Unknown fields are passed over. */
export function decodeRequest(message: Uint8Array): WireRequest | undefined {
  const request = {
    containerId: "",
    netns: "",
    ifname: "",
    args: "",
    path: "",
    config: NOTHING as Uint8Array,
    netnsOverride: "",
    requestId: "",
  };
  const fields = new FieldReader(message);
  while (fields.next()) {
    if (fields.wireType !== LENGTH_DELIMITED) continue;
    if (fields.field === CONFIG) request.config = fields.bytes;
    else if (fields.field in TEXTS) request[TEXTS[fields.field as keyof typeof TEXTS]] = text(fields.bytes);
  }
  return fields.malformed ? undefined : request;
}

export function encodeReply(reply: WireReply): Uint8Array {
  if ("result" in reply) return lengthDelimited(1, reply.result);
  const { code, msg, details } = reply.error;
  const error = new ByteWriter(256);
  error.u8(1 * 8 + VARINT);
  writeVarint(error, code);
  writeField(error, 2, Buffer.from(msg));
  writeField(error, 3, Buffer.from(details));
  return lengthDelimited(2, error.view());
}

/** Written even when it is empty: a member of a oneof says by being there that it is the one. */
function lengthDelimited(field: number, bytes: Uint8Array): Uint8Array {
  const out = new ByteWriter(bytes.length + 8);
  out.u8(field * 8 + LENGTH_DELIMITED);
  writeVarint(out, bytes.length);
  out.bytes(bytes);
  return out.view();
}

/** What is not UTF-8 becomes U+FFFD. */
function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
