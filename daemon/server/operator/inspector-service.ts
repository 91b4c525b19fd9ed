/** The gRPC service Inspector. Messages have the names of the proto file. */
import { type sendUnaryData, type ServerUnaryCall, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import * as z from "zod";
import { FAILURES, PlexusError } from "../../domain/errors.ts";
import { isSandboxId } from "../../domain/ids.ts";
import type { AttachmentState } from "../../domain/sandbox-record.ts";
import type { PendingCleanup } from "../../operations/recovery/pending-cleanups.ts";
import type { Inspection, SandboxView } from "../../operations/observability/inspect.ts";

const GetSandboxRequest = z.object({ container_id: z.string() });

const STATES: Readonly<Record<AttachmentState, string>> = {
  intended: "ATTACHMENT_STATE_INTENDED",
  attached: "ATTACHMENT_STATE_ATTACHED",
  detaching: "ATTACHMENT_STATE_DETACHING",
  released: "ATTACHMENT_STATE_RELEASED",
};

export function inspectorService(inspection: Inspection): UntypedServiceImplementation {
  return {
    ListSandboxes: answer(async () => ({ sandboxes: (await inspection.sandboxes()).map(toWire) })),
    GetSandbox: answer(async (message) => {
      const { container_id: containerId } = GetSandboxRequest.parse(message);
      const found = isSandboxId(containerId) ? await inspection.sandbox(containerId) : undefined;
      if (found === undefined) throw new PlexusError("unknown-container", "the daemon has no record of this sandbox");
      return toWire(found);
    }),
    ListPendingCleanups: answer(async () => {
      const { cleanups, rounds } = inspection.pendingCleanups();
      return { pending_cleanups: cleanups.map(pendingCleanupToWire), rounds };
    }),
  };
}

function answer(handle: (message: unknown) => Promise<object>) {
  return (call: ServerUnaryCall<unknown, object>, callback: sendUnaryData<object>): void => {
    handle(call.request).then(
      (reply) => {
        callback(null, reply);
      },
      (thrown: unknown) => {
        const error = PlexusError.from(thrown);
        callback({ code: status[FAILURES[error.kind].grpc], details: error.message });
      },
    );
  };
}

function toWire({ record, attachments, networkStatus }: SandboxView): object {
  return {
    container_id: record.sandbox,
    pod_namespace: record.pod?.namespace ?? "",
    pod_name: record.pod?.name ?? "",
    pod_uid: record.pod?.uid ?? "",
    netns: record.netns,
    attachments: attachments.map(({ attachment: { network, ifName, state, result }, plugins }) => ({
      network,
      ifname: ifName,
      state: STATES[state],
      plugins,
      result: result?.text ?? "",
    })),
    network_status: networkStatus,
    created_at: timestamp(record.createdAt),
  };
}

function pendingCleanupToWire(cleanup: PendingCleanup): object {
  const { containerId, ifName, since, attempts, lastError, pod, network, released, kept, nextAttemptAt } = cleanup;
  return {
    container_id: containerId,
    ifname: ifName,
    since: timestamp(since),
    attempts,
    problem: lastError,
    pod_namespace: pod?.namespace ?? "",
    pod_name: pod?.name ?? "",
    network,
    released,
    ...(nextAttemptAt !== undefined && { next_attempt_at: timestamp(nextAttemptAt) }),
    spooled: kept === "spool",
  };
}

/** google.protobuf.Timestamp of milliseconds since the epoch. */
function timestamp(ms: number): object {
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 };
}
