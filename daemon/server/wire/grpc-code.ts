/** The gRPC status codes that the server answers with. */
export const GrpcCode = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
} as const;

/** A grpc-message header: printable ASCII, and %XX for every other byte of the UTF-8 text. */
export function percentEncode(text: string): string {
  return Buffer.from(text)
    .toString("latin1")
    .replaceAll(
      /[^\x20-\x24\x26-\x7e]/g,
      (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
    );
}
