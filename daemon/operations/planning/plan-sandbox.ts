/**
 * Decides everything about a sandbox's networks before a plugin runs. Reads the networks, the confs on
 * disk and the devices' keepers; waits for nothing else, writes nothing and runs nothing. ADD, the
 * rebuilding of a damaged record, and hot-plugging plan here.
 */
import type { CniArgs } from "../../domain/cni/args.ts";
import type { DelegateSource, DelegateSources } from "../../domain/delegate-source.ts";
import type { Dialect } from "../../domain/dialect/dialect.ts";
import { dialectFor } from "../../domain/dialect/dialects.ts";
import { PlexusError } from "../../domain/errors.ts";
import { separateFlannels } from "../../domain/flannel.ts";
import type { IfName, SandboxId } from "../../domain/ids.ts";
import type { NetConf } from "../../domain/netconf.ts";
import { type PlannedAttachment, planAttachments, planOneMore } from "../../domain/plan.ts";
import { refuseLargePlan, refuseManyPlugins } from "../../domain/plan-size.ts";
import { NETWORKS_ANNOTATION, type Pod } from "../../domain/pod.ts";
import { planDefaultRoutes, type RouteGoal } from "../../domain/route-plan.ts";
import { refuseItself } from "../../domain/runtime-conf/self-delegation.ts";
import type { RecordedAttachment } from "../../domain/sandbox-record.ts";
import { parseSelections } from "../../domain/selection.ts";
import type { DeviceInfoFiles } from "../../ports/device-info-files.ts";
import type { Scope } from "../scope.ts";
import { assignDevices, type DeviceDeps } from "./assign-devices.ts";
import { withDeviceInfoFile } from "./device-info-file.ts";
import { type DelegateDeps, findDelegates } from "./find-delegates.ts";

export interface PlanningDeps extends DelegateDeps, DeviceDeps {
  readonly deviceInfoFiles: Pick<DeviceInfoFiles, "pathOf">;
}

export interface PlanRequest {
  readonly sandbox: SandboxId;
  /** CNI_IFNAME. */
  readonly ifName: IfName;
  readonly args: CniArgs;
  readonly netConf: NetConf;
}

/** What is known of the sandbox when it is planned. */
export interface PlanningContext {
  /**
   * The pod as its source has it; undefined when CNI_ARGS names none. Its UID may not be the
   * runtime's: the mirror of a static pod has one of its own.
   */
  readonly pod: Pod | undefined;
  /** What other ADDs made for the sandbox. */
  readonly others: readonly RecordedAttachment[];
}

export interface SandboxPlan {
  readonly dialect: Dialect;
  /** In the order of attaching; what could be planned, if there are refusals. */
  readonly planned: readonly PlannedAttachment[];
  readonly routeGoals: readonly RouteGoal[];
  /** Everything that keeps an ADD from succeeding, the first one to tell of first. */
  readonly refusals: readonly PlexusError[];
  /** The refusal among them that is about devices: without it the plan tells plugins of none. */
  readonly withoutDevices?: PlexusError | undefined;
  /** What the plan does without. */
  readonly warnings: readonly string[];
}

/** The planning functions over one set of ports. */
export interface Planner {
  sandbox(request: PlanRequest, context: PlanningContext, signal: AbortSignal): Promise<SandboxPlan>;
  hotPlug(request: HotPlugPlanRequest, context: PlanningContext, scope: HotPlugScope): Promise<PlannedAttachment>;
}

export function makePlanner(deps: PlanningDeps): Planner {
  return {
    sandbox: (request, context, signal) => planSandbox(deps, request, context, signal),
    hotPlug: (request, context, scope) => planHotPlug(deps, request, context, scope),
  };
}

async function planSandbox(
  deps: PlanningDeps,
  request: PlanRequest,
  { pod, others }: PlanningContext,
  signal: AbortSignal,
): Promise<SandboxPlan> {
  const { sandbox, netConf, args } = request;
  const dialect = dialectFor(netConf, pod);
  const { refusals, warnings, attempt, warn } = notes();
  const found = await attempt(() => findDelegates(deps, netConf, pod, { warn }));
  refusals.push(...(found?.refusals ?? []));
  const [first, ...more] = found?.sources ?? [];
  if (first === undefined) return { dialect, planned: [], routeGoals: [], refusals, warnings };
  const sources: DelegateSources = [first, ...more];
  const needs = { sources, netConf, pod, podUid: args.podUid, held: devicesOf(others) };
  const before = refusals.length;
  const equipped = await attempt(() => assignDevices(deps, needs, { signal, warn }));
  const withoutDevices = refusals[before];
  const placed = await attempt(() => planAttachments({ ...request, dialect, sources: equipped ?? sources }));
  const planned = (placed ?? []).map((plan) => withDeviceInfoFile(deps.deviceInfoFiles, sandbox, plan));
  const routeGoals = (await attempt(() => planDefaultRoutes(planned))) ?? [];
  return { dialect, planned, routeGoals, refusals, withoutDevices, warnings };
}

export type HotPlugScope = Pick<Scope, "signal" | "warn">;

export interface HotPlugPlanRequest {
  readonly sandbox: SandboxId;
  /** The interface that the network is to become. */
  readonly ifName: IfName;
  readonly args: CniArgs;
  readonly source: DelegateSource;
}

/**
 * One network more for a sandbox that runs, with a device where its NetworkAttachmentDefinition asks
 * for one: the one that the pod's annotation names for this interface.
 * @throws PlexusError for what refuses it
 */
async function planHotPlug(
  deps: PlanningDeps,
  { sandbox, ifName, args, source }: HotPlugPlanRequest,
  { pod, others }: PlanningContext,
  scope: HotPlugScope,
): Promise<PlannedAttachment> {
  refuseItself(source);
  // The caller is root; the config is a NAD's, and its author is not (issue 11).
  refuseManyPlugins(source.conflist, source.network, deps.limits);
  refuseLargePlan([source], deps.limits);
  const resourceName = source.resourceName ?? resourceFor(deps, pod, ifName);
  const needs = {
    sources: [{ ...source, resourceName }] as const,
    netConf: { strictCompat: false },
    pod,
    podUid: args.podUid,
    held: devicesOf(others),
  };
  const [equipped] = await assignDevices(deps, needs, scope);
  const plan = planOneMore(equipped, args, ifName);
  const conflists = separateFlannels([...others.map(({ conflist }) => conflist), plan.conflist], () => ifName);
  return withDeviceInfoFile(deps.deviceInfoFiles, sandbox, { ...plan, conflist: conflists.at(-1) ?? plan.conflist });
}

/** The resource of the network that the pod's annotation asks for as this interface. */
function resourceFor({ networks }: PlanningDeps, pod: Pod | undefined, ifName: IfName): string | undefined {
  if (pod === undefined) return undefined;
  const selections = parseSelections(pod.annotations[NETWORKS_ANNOTATION], pod.namespace);
  const selection = selections.find((one) => one.interface === ifName);
  return selection && networks.get(selection.namespace, selection.name)?.resourceName;
}

function devicesOf(attachments: readonly RecordedAttachment[]) {
  return attachments.flatMap(({ device }) => device ?? []);
}

/** Collects what is thrown and what is warned of. */
function notes() {
  const refusals: PlexusError[] = [];
  const warnings: string[] = [];
  return {
    refusals,
    warnings,
    warn: (message: string) => void warnings.push(message),
    async attempt<T>(work: () => T | Promise<T>): Promise<T | undefined> {
      try {
        return await work();
      } catch (thrown) {
        refusals.push(PlexusError.from(thrown));
        return undefined;
      }
    },
  };
}
