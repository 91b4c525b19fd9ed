import { cutText } from "./cut-text.ts";

/** One row per way an operation can fail: its CNI code, the gRPC status that says the same, and whether trying again can help. */
export const FAILURES = {
  "incompatible-version": { cni: 1, grpc: "FAILED_PRECONDITION", retry: false },
  "unsupported-field": { cni: 2, grpc: "INVALID_ARGUMENT", retry: false },
  "unknown-container": { cni: 3, grpc: "NOT_FOUND", retry: false },
  "invalid-environment": { cni: 4, grpc: "INVALID_ARGUMENT", retry: false },
  "io-failure": { cni: 5, grpc: "UNAVAILABLE", retry: true },
  "decode-failure": { cni: 6, grpc: "INVALID_ARGUMENT", retry: false },
  "invalid-config": { cni: 7, grpc: "INVALID_ARGUMENT", retry: false },
  "invalid-netns": { cni: 8, grpc: "FAILED_PRECONDITION", retry: false },
  "try-again-later": { cni: 11, grpc: "UNAVAILABLE", retry: true },
  "not-available": { cni: 50, grpc: "UNAVAILABLE", retry: true },
  "network-not-found": { cni: 100, grpc: "NOT_FOUND", retry: true },
  "namespace-forbidden": { cni: 101, grpc: "PERMISSION_DENIED", retry: false },
  "pod-mismatch": { cni: 102, grpc: "FAILED_PRECONDITION", retry: false },
  "interface-conflict": { cni: 103, grpc: "ALREADY_EXISTS", retry: false },
  "delegate-missing": { cni: 104, grpc: "FAILED_PRECONDITION", retry: false },
  "delegate-timed-out": { cni: 105, grpc: "DEADLINE_EXCEEDED", retry: true },
  "delegate-failed": { cni: 106, grpc: "UNKNOWN", retry: false },
  "device-missing": { cni: 107, grpc: "FAILED_PRECONDITION", retry: true },
  "not-allowed": { cni: 108, grpc: "PERMISSION_DENIED", retry: true },
  internal: { cni: 999, grpc: "INTERNAL", retry: false },
} as const;

export type FailureKind = keyof typeof FAILURES;

export interface FailureOptions {
  /** What to do next, or what else is known. Ends up in the CNI error's `details`. */
  readonly details?: string | undefined;
  /** Set only when a delegate chose a code of its own. */
  readonly code?: number | undefined;
  readonly cause?: unknown;
}

/** In characters, for message and details each. Both quote what plugins and authors of pods and NADs wrote. */
const LONGEST_MESSAGE = 4_096;

/** The only error that leaves an operation. Its message names pod and network; `details` names the next step. */
export class PlexusError extends Error {
  override readonly name = "PlexusError";
  readonly kind: FailureKind;
  /** The CNI error code. */
  readonly code: number;
  readonly details: string | undefined;

  constructor(kind: FailureKind, message: string, options: FailureOptions = {}) {
    super(cutText(message, LONGEST_MESSAGE), { cause: options.cause });
    this.kind = kind;
    this.code = options.code ?? FAILURES[kind].cni;
    this.details = options.details === undefined ? undefined : cutText(options.details, LONGEST_MESSAGE);
  }

  /** Whatever was thrown, leave with a PlexusError and the original as its cause. */
  static from(thrown: unknown): PlexusError {
    if (thrown instanceof PlexusError) return thrown;
    return new PlexusError("internal", thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
  }

  /** The same failure, its message led by where it happened. */
  within(prefix: string, options: { readonly details?: string } = {}): PlexusError {
    const details = [this.details, options.details].filter((part) => part !== undefined).join("; ");
    return new PlexusError(this.kind, prefix + this.message, {
      code: this.code,
      details: details === "" ? undefined : details,
      cause: this.cause ?? this,
    });
  }
}
