import type { ServerUnaryCall } from "@grpc/grpc-js";

/** Which of a call's clocks and listeners end its work. */
export interface CallScope {
  readonly signal: AbortSignal;
  /** Lets go of timer and listener; to be called when the call is answered. */
  close(): void;
}

/**
 * A signal that is raised when the call's deadline passes, the caller goes away, or the ceiling is reached: whichever is first.
 * The reason says which.
 */
export function callScope(call: ServerUnaryCall<unknown, unknown>, ceilingMs: number): CallScope {
  const controller = new AbortController();
  const left = deadlineOf(call) - Date.now();
  const timer = setTimeout(
    () => {
      controller.abort(new Error("the deadline of the call has passed"));
    },
    Math.max(0, Math.min(left, ceilingMs)),
  );
  const onCancelled = (): void => {
    controller.abort(new Error("the caller went away"));
  };
  call.once("cancelled", onCancelled);
  if (call.cancelled) onCancelled();
  return {
    signal: controller.signal,
    close: () => {
      clearTimeout(timer);
      call.off("cancelled", onCancelled);
    },
  };
}

function deadlineOf(call: ServerUnaryCall<unknown, unknown>): number {
  const deadline = call.getDeadline();
  return deadline instanceof Date ? deadline.getTime() : deadline;
}
