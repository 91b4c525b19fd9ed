import { mayTryAgain, type CallOutcome } from "./call-outcome.ts";
import { CniCode } from "./cni-error.ts";
import { decodeReply } from "./cni-messages.ts";
import { FAILED, INTERRUPTED, TIMED_OUT, type ShimIo } from "./shim-io.ts";
import { UnaryCall } from "./unary-call.ts";

export interface DaemonRequest {
  readonly socketPath: string;
  /** Such as "/plexus.v1.Cni/Add". */
  readonly path: string;
  readonly message: Uint8Array;
  /** How long to keep trying while the daemon is away. */
  readonly waitMs: number;
  /**
   * The request changes nothing, so it is also sent again after a daemon went away during the call
   * or answered "try again later" because it starts or stops.
   */
  readonly changesNothing: boolean;
  /** How long all of it may take, waiting included. */
  readonly timeoutMs: number;
}

const RETRY_INTERVAL_MS = 100;
const RECEIVE_BYTES = 16384;

/** Calls the daemon, again and again while it is away and `waitMs` lasts. */
export function callDaemon(io: ShimIo, request: DaemonRequest): CallOutcome {
  const start = io.now();
  const deadline = start + request.timeoutMs;
  const lastStart = Math.min(start + request.waitMs, deadline);
  for (;;) {
    const outcome = callOnce(io, request, deadline);
    if (!maySendAgain(request, outcome) || io.now() + RETRY_INTERVAL_MS > lastStart) return outcome;
    io.sleep(RETRY_INTERVAL_MS);
  }
}

function maySendAgain(request: DaemonRequest, outcome: CallOutcome): boolean {
  if (mayTryAgain(outcome)) return true;
  if (!request.changesNothing) return false;
  return outcome.kind === "lost" || (outcome.kind === "answered" && asksToTryAgain(outcome.message));
}

function asksToTryAgain(message: Uint8Array): boolean {
  const reply = decodeReply(message);
  return reply.kind === "error" && reply.error.code === CniCode.tryAgainLater;
}

function callOnce(io: ShimIo, request: DaemonRequest, deadline: number): CallOutcome {
  const connecting = io.connect(request.socketPath, deadline - io.now());
  if (connecting.result === "absent") return { kind: "absent", reason: connecting.fault };
  if (connecting.result === "failed") return { kind: "unreachable", reason: connecting.fault };
  const call = new UnaryCall(request.path, request.message, deadline - io.now());
  return exchange(io, call, deadline);
}

/**
 * Moves bytes between the call and the socket until the call has an outcome. When sending fails, what the daemon sent before is
 * still read: it may be the answer, given by a daemon that closed without waiting for our last acknowledgement.
 */
function exchange(io: ShimIo, call: UnaryCall, deadline: number): CallOutcome {
  const buffer = new Uint8Array(RECEIVE_BYTES);
  let sendFault = "";
  for (;;) {
    if (sendFault === "") sendFault = sendOutput(io, call, deadline);
    receiveSome(io, call, buffer, deadline, sendFault);
    if (call.outcome !== null) return call.outcome;
  }
}

/** Sends what the call has to send; returns "" or why it could not. */
function sendOutput(io: ShimIo, call: UnaryCall, deadline: number): string {
  let rest = call.takeOutput();
  while (rest.length > 0) {
    const left = deadline - io.now();
    const sent = left > 0 ? io.send(rest, left) : TIMED_OUT;
    if (sent === FAILED) return io.lastFault();
    if (sent === TIMED_OUT) {
      call.expire();
      return "";
    }
    if (sent !== INTERRUPTED) rest = rest.subarray(sent);
  }
  return "";
}

function receiveSome(io: ShimIo, call: UnaryCall, buffer: Uint8Array, deadline: number, sendFault: string): void {
  const left = deadline - io.now();
  const received = left > 0 ? io.receive(buffer, left) : TIMED_OUT;
  if (received > 0) call.receive(buffer.subarray(0, received));
  else if (received === TIMED_OUT) call.expire();
  else if (sendFault !== "" && received !== INTERRUPTED) call.connectionEnded(sendFault);
  else if (received === 0) call.connectionEnded("it closed the connection");
  else if (received === FAILED) call.connectionEnded(io.lastFault());
}
