import { ByteWriter } from "./bytes.ts";
import type { CniEnvironment } from "./cni-environment.ts";
import { CniCode, type CniError } from "./cni-error.ts";
import { FieldReader, LENGTH_DELIMITED, VARINT, writeField } from "./protobuf.ts";
import { fromUtf8, toUtf8 } from "./utf8.ts";

/** CniRequest and CniReply of proto/plexus/v1/cni.proto, in protobuf's binary form. */

export type CniReply =
  | { readonly kind: "result"; readonly result: Uint8Array }
  | { readonly kind: "error"; readonly error: CniError }
  /** Neither of them is set. */
  | { readonly kind: "empty" }
  /** The bytes are no CniReply. */
  | { readonly kind: "malformed" };

export function encodeRequest(environment: CniEnvironment, config: Uint8Array, requestId: string): Uint8Array {
  const out = new ByteWriter(config.length + 1024);
  writeField(out, 1, toUtf8(environment.containerId));
  writeField(out, 2, toUtf8(environment.netns));
  writeField(out, 3, toUtf8(environment.ifname));
  writeField(out, 4, toUtf8(environment.args));
  writeField(out, 5, toUtf8(environment.path));
  writeField(out, 6, config);
  writeField(out, 7, toUtf8(environment.netnsOverride));
  writeField(out, 8, toUtf8(requestId));
  return out.view();
}

export function decodeReply(message: Uint8Array): CniReply {
  const fields = new FieldReader(message);
  let reply: CniReply = { kind: "empty" };
  while (fields.next()) {
    if (fields.is(1, LENGTH_DELIMITED)) reply = { kind: "result", result: fields.bytes };
    else if (fields.is(2, LENGTH_DELIMITED)) reply = decodeError(fields.bytes);
  }
  return fields.malformed ? { kind: "malformed" } : reply;
}

function decodeError(message: Uint8Array): CniReply {
  const fields = new FieldReader(message);
  let code = 0;
  let msg = "";
  let details = "";
  while (fields.next()) {
    if (fields.is(1, VARINT)) code = fields.number;
    else if (fields.is(2, LENGTH_DELIMITED)) msg = fromUtf8(fields.bytes);
    else if (fields.is(3, LENGTH_DELIMITED)) details = fromUtf8(fields.bytes);
  }
  if (fields.malformed) return { kind: "malformed" };
  // 0 is no CNI error code; it must not look like one of the runtime's own.
  return { kind: "error", error: { code: code === 0 ? CniCode.internal : code, msg, details } };
}
