/** Joins the operations over their ports. The daemon, the tests' stage and the model test share it. */
import { parseConflist } from "../domain/cni/conf.ts";
import { namespace } from "../domain/ids.ts";
import { type AttachmentsDeps, makeAttachments } from "../operations/attachments/attachments.ts";
import { isAnother } from "../operations/attachments/cleanup-netns.ts";
import { makeConflistRunner } from "../operations/attachments/run-conflist.ts";
import { makeRunPlugin } from "../operations/attachments/run-plugin.ts";
import type { DelegateDeps } from "../operations/planning/find-delegates.ts";
import { makePlanner, type PlanningDeps } from "../operations/planning/plan-sandbox.ts";
import { type CleanupBacklog, followCleanups } from "../operations/recovery/pending-cleanups.ts";
import { isPodGone } from "../operations/recovery/pod-gone.ts";
import { makeRebuild, type RebuildDeps } from "../operations/recovery/rebuild-record.ts";
import { makeRecordForDel } from "../operations/recovery/record-for-del.ts";
import { makeResume, type ResumeDeps } from "../operations/recovery/resume.ts";
import { makeSettle } from "../operations/recovery/spooled-dels.ts";
import { DeviceLanes } from "../operations/scheduling/device-lanes.ts";
import { NetworkLanes } from "../operations/scheduling/network-lanes.ts";
import { SandboxQueue } from "../operations/scheduling/sandbox-queue.ts";
import { type AddDeps, makeAdd } from "../operations/verbs/add.ts";
import { makeAwaitDefaultNetwork } from "../operations/verbs/await-default-network.ts";
import { makeCheck } from "../operations/verbs/check.ts";
import { makeDel } from "../operations/verbs/del.ts";
import { makeGc } from "../operations/verbs/gc.ts";
import { makeHotPlug } from "../operations/verbs/hot-plug.ts";
import { makeStatus, type StatusDeps } from "../operations/verbs/status.ts";
import type { DeviceParents } from "../ports/device-parents.ts";
import type { Journal } from "../ports/journal.ts";
import type { Meters } from "../ports/meters.ts";
import type { PluginRunner } from "../ports/plugin-runner.ts";

/** What the operations reach outside themselves. */
export interface OperationPorts
  extends
    Omit<AttachmentsDeps, "conflists" | "undoTimeoutMs" | "deviceInfoFiles">,
    Omit<DelegateDeps, "limits">,
    Pick<PlanningDeps, "devices">,
    Pick<AttachmentsDeps, "deviceInfoFiles">,
    Pick<AddDeps, "pods" | "events">,
    Pick<RebuildDeps, "refuseUnlessSynced">,
    Pick<ResumeDeps, "spool">,
    Pick<StatusDeps, "refuseUnlessAble"> {
  readonly plugins: PluginRunner;
  readonly deviceParents: DeviceParents;
  readonly meters: Pick<Meters, "gaveUpCleanup">;
}

export interface OperationSettings
  extends
    Pick<AttachmentsDeps, "undoTimeoutMs">,
    Pick<DelegateDeps, "limits">,
    Pick<ResumeDeps, "node" | "maxPendingCleanups"> {
  /** How many operations may run and wait at a time. */
  readonly maxOperations: number;
  /** How many plugins of one network may run at a time; undefined for no bound of their own. */
  readonly maxRunningPerNetwork?: number | undefined;
  /** How long the daemon retries a cleanup once namespace and pod are gone, in hours. */
  readonly cleanupGiveUpHours: number;
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
  /** As the operations see it; the list of pending cleanups follows its changes. */
  readonly journal: Journal;
  readonly backlog: CleanupBacklog;
}

export function composeOperations(ports: OperationPorts, settings: OperationSettings): Operations {
  const queue = new SandboxQueue(settings.maxOperations);
  const { journal, backlog } = followCleanups(ports.journal);
  const runPlugin = makeRunPlugin(
    ports.plugins,
    ports.clock,
    new NetworkLanes(settings.maxRunningPerNetwork),
    new DeviceLanes(ports.deviceParents),
  );
  const conflists = makeConflistRunner(runPlugin, ports.clock);
  const shared = { ...ports, ...settings, journal, queue, conflists };
  const attachments = makeAttachments(shared);
  const planner = makePlanner(shared);
  const awaitDefaultNetwork = makeAwaitDefaultNetwork(ports);
  const rebuild = makeRebuild({ ...shared, planner });
  const forDel = {
    attachments,
    recordForDel: makeRecordForDel({ journal, rebuild }),
    isPodGone: (...pod: PodAsked) => isPodGone(ports, ...pod).catch(() => false),
  };
  const deps = { ...shared, attachments, planner, awaitDefaultNetwork };
  return {
    add: makeAdd({ ...deps, settle: makeSettle({ ...shared, del: forDel }) }),
    del: makeDel({ ...forDel, queue }),
    check: makeCheck(deps),
    status: makeStatus(deps),
    gc: makeGc(deps),
    hotPlug: makeHotPlug(deps),
    resume: makeResume({
      ...deps,
      backlog,
      del: forDel,
      giveUpAfterMs: settings.cleanupGiveUpHours * 3_600_000,
      presentConf: (network) => presentConf(ports, network),
      isPodGone: ({ pod }, signal) => isPodGone(ports, pod, signal),
      async isNetnsGone(record, signal) {
        const view = await ports.sandboxes.look(record.netns, [], signal);
        if (view.found === "sandbox") return isAnother(record, view.identity, ports.sandboxes);
        return view.found === "netns-gone";
      },
    }),
    queue,
    journal,
    backlog,
  };
}

type PodAsked = Parameters<typeof isPodGone> extends [unknown, ...infer Rest] ? Rest : never;

/** The conf that a NetworkAttachmentDefinition has now; undefined when it has none that can be read. */
function presentConf({ networks }: Pick<DelegateDeps, "networks">, network: string) {
  const [home = "", name = ""] = network.split("/");
  const config = networks.get(namespace(home), name)?.config.trim();
  if (config === undefined || config === "") return undefined;
  try {
    return parseConflist(config, `the config of network "${network}"`, name);
  } catch {
    return undefined;
  }
}
