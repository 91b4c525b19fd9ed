import type { Disk } from "./disk.ts";

/**
 * All that the shim needs from an operating system. Synchronous, one socket at a time, no exceptions.
 * host/main.ts is the real one; tests bring their own.
 */
export interface ShimIo {
  /** What follows the program's name on the command line; "" when nothing does. */
  readonly firstArgument: string;
  /** The release this program belongs to, such as "0.1.0". */
  readonly version: string;
  /** A name for this run in the daemon's log: short, not used twice on a node. */
  readonly requestId: string;
  /** When this run began, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** An environment variable, well-formed; "" when it is not set. */
  readonly env: (name: string) => string;
  /** Reads standard input to its end, or until more than `limit` bytes have come. */
  readonly readStdin: (limit: number) => StdinReading;
  /** Writes all of it; returns "" or why it could not. */
  readonly writeStdout: (bytes: Uint8Array) => string;
  readonly writeStderr: (bytes: Uint8Array) => string;
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
  readonly sleep: (ms: number) => void;
  /** Opens the socket. Whatever socket was open before is closed. */
  readonly connect: (path: string, timeoutMs: number) => Connecting;
  /** Sends some of it, waiting `timeoutMs` at most. Returns how many bytes, or TIMED_OUT, INTERRUPTED or FAILED. */
  readonly send: (bytes: Uint8Array, timeoutMs: number) => number;
  /** Receives up to `into.length` bytes. Returns how many, 0 at the end of the stream, or TIMED_OUT, INTERRUPTED or FAILED. */
  readonly receive: (into: Uint8Array, timeoutMs: number) => number;
  /** Why the last send or receive FAILED, in the system's words. */
  readonly lastFault: () => string;
  readonly disk: Disk;
}

export interface StdinReading {
  readonly bytes: Uint8Array;
  /** Why reading failed; "" when it did not. */
  readonly fault: string;
}

export interface Connecting {
  /** "absent": nobody listens there. "failed": another reason, which waiting does not cure. */
  readonly result: "connected" | "absent" | "failed";
  /** The system's words for it; "" when connected. */
  readonly fault: string;
}

export const TIMED_OUT = -1;
export const INTERRUPTED = -2;
export const FAILED = -3;
