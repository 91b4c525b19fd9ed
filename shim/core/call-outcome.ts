/** How a call to the daemon ended. */
export type CallOutcome =
  | Answer
  /** The daemon ended the call with a gRPC status other than OK. */
  | { readonly kind: "failed"; readonly status: number; readonly message: string }
  /** Nobody listens on the socket. */
  | { readonly kind: "absent"; readonly reason: string }
  /** The socket cannot be opened, and waiting would not help. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** The connection ended, and the daemon has certainly not begun to work on the request. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The connection or the call ended without an answer; the daemon may have worked on the request. */
  | { readonly kind: "lost"; readonly reason: string }
  /** The other side does not keep to the protocol. */
  | { readonly kind: "broken"; readonly reason: string }
  /** Time is up. */
  | { readonly kind: "expired" };

/** The daemon answered with a message. */
export interface Answer {
  readonly kind: "answered";
  readonly message: Uint8Array;
}

/** The gRPC status codes that are told apart here. */
export const GrpcStatus = { ok: 0, unknown: 2, invalidArgument: 3, deadlineExceeded: 4, unavailable: 14 } as const;

/** Whether the same request may be sent once more, without any danger of it being done twice. */
export function mayTryAgain(outcome: CallOutcome): boolean {
  if (outcome.kind === "failed") return outcome.status === GrpcStatus.unavailable;
  return outcome.kind === "absent" || outcome.kind === "refused";
}
