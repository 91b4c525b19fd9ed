/** Joins the operations over their ports. The daemon, the tests' stage and the model test share it. */
import { makeConflistRunner } from "../operations/attachments/run-conflist.ts";
import { makeCleanupBacklog, type CleanupBacklog } from "../operations/recovery/pending-cleanups.ts";
import { makeRebuild, type RebuildDeps } from "../operations/recovery/rebuild-record.ts";
import { makeResume, type ResumeDeps } from "../operations/recovery/resume.ts";
import { makeSettle } from "../operations/recovery/spooled-dels.ts";
import { DeviceLanes } from "../operations/scheduling/device-lanes.ts";
import { NetworkLanes } from "../operations/scheduling/network-lanes.ts";
import { SandboxQueue } from "../operations/scheduling/sandbox-queue.ts";
import { type AddDeps, makeAdd } from "../operations/verbs/add.ts";
import { makeCheck } from "../operations/verbs/check.ts";
import { makeDel } from "../operations/verbs/del.ts";
import { makeGc } from "../operations/verbs/gc.ts";
import { makeHotPlug } from "../operations/verbs/hot-plug.ts";
import { makeStatus, type StatusDeps } from "../operations/verbs/status.ts";
import type { DeviceParents } from "../ports/device-parents.ts";
import type { PluginRunner } from "../ports/plugin-runner.ts";

/** What the operations reach outside themselves. */
export interface OperationPorts
  extends
    Omit<AddDeps, "queue" | "conflists" | "settle" | "undoTimeoutMs" | "limits">,
    Pick<RebuildDeps, "refuseUnlessSynced">,
    Pick<ResumeDeps, "spool">,
    Pick<StatusDeps, "refuseUnlessAble"> {
  readonly plugins: PluginRunner;
  readonly deviceParents: DeviceParents;
}

export interface OperationSettings extends Pick<AddDeps, "undoTimeoutMs" | "limits">, Pick<ResumeDeps, "node"> {
  /** How many operations may run and wait at a time. */
  readonly maxOperations: number;
  /** How many plugins of one network may run at a time; undefined for no bound of their own. */
  readonly maxRunningPerNetwork?: number | undefined;
}

export interface Operations {
  readonly add: ReturnType<typeof makeAdd>;
  readonly del: ReturnType<typeof makeDel>;
  readonly check: ReturnType<typeof makeCheck>;
  readonly status: ReturnType<typeof makeStatus>;
  readonly gc: ReturnType<typeof makeGc>;
  readonly hotPlug: ReturnType<typeof makeHotPlug>;
  readonly resume: ReturnType<typeof makeResume>;
  readonly queue: SandboxQueue;
  readonly backlog: CleanupBacklog;
}

export function composeOperations(ports: OperationPorts, settings: OperationSettings): Operations {
  const queue = new SandboxQueue(settings.maxOperations);
  const backlog = makeCleanupBacklog(ports.clock);
  const conflists = makeConflistRunner(
    ports.plugins,
    ports.clock,
    new NetworkLanes(settings.maxRunningPerNetwork),
    new DeviceLanes(ports.deviceParents),
  );
  const rebuild = makeRebuild({ ...ports, limits: settings.limits });
  const deps = { ...ports, ...settings, queue, conflists, backlog, rebuild };
  return {
    add: makeAdd({ ...deps, settle: makeSettle(deps) }),
    del: makeDel(deps),
    check: makeCheck(deps),
    status: makeStatus(deps),
    gc: makeGc(deps),
    hotPlug: makeHotPlug(deps),
    resume: makeResume(deps),
    queue,
    backlog,
  };
}
