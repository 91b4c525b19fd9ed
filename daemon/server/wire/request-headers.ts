/** What the headers of a request say of a call. */
import { GrpcCode } from "./grpc-code.ts";
import type { Header } from "./header-decoder.ts";

export interface RequestHead {
  /** Such as `/plexus.v1.Cni/Add`. */
  readonly path: string;
  /** The client's deadline, in milliseconds from now; infinite when it set none. */
  readonly timeoutMs: number;
}

export type ReadHead =
  | { readonly kind: "call"; readonly head: RequestHead }
  /** Not a gRPC call: an HTTP status says so. */
  | { readonly kind: "http"; readonly status: string }
  | { readonly kind: "failed"; readonly code: number; readonly message: string }
  /** Against the rules of HTTP/2 (RFC 9113 §8.1.1). */
  | { readonly kind: "malformed" };

const PSEUDO = new Set([":method", ":scheme", ":path", ":authority"]);
const FORBIDDEN = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

export function readHead(headers: readonly Header[]): ReadHead {
  const found = new Map<string, string>();
  let isPastPseudo = false;
  for (const [name, value] of headers) {
    const isPseudo = name.startsWith(":");
    if (isPseudo && (isPastPseudo || !PSEUDO.has(name) || found.has(name))) return { kind: "malformed" };
    if (name === "" || /[A-Z]/.test(name) || FORBIDDEN.has(name)) return { kind: "malformed" };
    isPastPseudo ||= !isPseudo;
    found.set(name, value);
  }
  const path = found.get(":path") ?? "";
  const method = found.get(":method");
  if (method === undefined || !found.has(":scheme") || path === "") return { kind: "malformed" };
  if (method !== "POST") return { kind: "http", status: "405" };
  if (!/^application\/grpc($|[+;])/.test(found.get("content-type") ?? "")) return { kind: "http", status: "415" };
  const timeout = found.get("grpc-timeout");
  const timeoutMs = timeout === undefined ? Infinity : parseTimeout(timeout);
  if (timeoutMs !== undefined) return { kind: "call", head: { path, timeoutMs } };
  return { kind: "failed", code: GrpcCode.internal, message: "grpc-timeout is not 1 to 8 digits and a unit" };
}

const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** Undefined for what is no timeout. */
function parseTimeout(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  return digits === undefined || unitMs === undefined ? undefined : Number(digits) * unitMs;
}
