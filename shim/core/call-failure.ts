import { GrpcStatus, type CallOutcome } from "./call-outcome.ts";
import { CniCode, cniError, type CniError } from "./cni-error.ts";
import type { DaemonRequest } from "./daemon-call.ts";

/** What a failure report needs to name. */
export interface FailureContext {
  readonly verb: string;
  readonly requestId: string;
  readonly request: DaemonRequest;
}

/** The CNI error for a call that brought no answer. */
export function callFailure(outcome: CallOutcome, context: FailureContext): CniError {
  const { socketPath, timeoutMs } = context.request;
  switch (outcome.kind) {
    case "absent":
    case "refused":
      return unavailable(context, "is not running on this node", outcome.reason);
    case "failed":
      return failed(outcome.status, outcome.message, context);
    case "unreachable": {
      const details = `${socketPath}: ${outcome.reason}; check who may enter that directory and what is in it`;
      return report(context, CniCode.ioFailure, "the Plexus daemon's socket cannot be opened", details);
    }
    case "lost": {
      const details = `${socketPath}: ${outcome.reason}; ${logHint(context)}`;
      return report(context, retryCode(context), "the Plexus daemon went away during the operation", details);
    }
    case "expired": {
      const msg = `the Plexus daemon did not answer within ${seconds(timeoutMs)}`;
      return report(context, CniCode.tryAgainLater, msg, `${socketPath}; ${logHint(context)}`);
    }
    case "broken":
    case "answered": {
      const reason = outcome.kind === "broken" ? outcome.reason : "an answer without an outcome";
      const details = `${socketPath}: ${reason}; check that plexus and plexus-daemon are of the same release`;
      return report(
        context,
        CniCode.internal,
        "what listens on the Plexus daemon's socket does not answer as it does",
        details,
      );
    }
  }
}

function failed(status: number, message: string, context: FailureContext): CniError {
  const details = message === "" ? logHint(context) : `${message}; ${logHint(context)}`;
  switch (status) {
    case GrpcStatus.unavailable:
      return unavailable(context, "is starting or stopping", message);
    case GrpcStatus.deadlineExceeded: {
      const msg = `the Plexus daemon did not finish within ${seconds(context.request.timeoutMs)}`;
      return report(context, CniCode.tryAgainLater, msg, details);
    }
    case GrpcStatus.invalidArgument:
      return report(context, CniCode.invalidEnvironment, "the Plexus daemon rejected the request", details);
    default:
      return report(context, CniCode.internal, `the Plexus daemon failed with gRPC status ${status}`, details);
  }
}

function unavailable(context: FailureContext, state: string, reason: string): CniError {
  const { socketPath, waitMs } = context.request;
  const waited = waitMs === 0 ? "" : `, waited ${seconds(waitMs)}`;
  const cause = reason === "" ? "" : `: ${reason}`;
  const details = `${socketPath}${cause}${waited}; check that the plexus-daemon pod of this node is running and ready`;
  return report(context, retryCode(context), `the Plexus daemon ${state}`, details);
}

/** STATUS has a code of its own for it (spec §1.7). */
function retryCode(context: FailureContext): number {
  return context.verb === "STATUS" ? CniCode.notAvailable : CniCode.tryAgainLater;
}

function report(context: FailureContext, code: number, what: string, details: string): CniError {
  return cniError(code, `${context.verb}: ${what}`, details);
}

function logHint(context: FailureContext): string {
  return `look for request ${context.requestId} in the log of this node's plexus-daemon pod`;
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
