/** A node for the operations: real operations over fake ports, and a runner whose plugins do as real ones do unless told otherwise. */
import { expect } from "vitest";
import { composeOperations } from "../../daemon/compose/operations.ts";
import { parseCniArgs } from "../../daemon/domain/cni/args.ts";
import type { PlexusError } from "../../daemon/domain/errors.ts";
import {
  type IfName,
  type BootId,
  type NetnsIdentity,
  isIfName,
  isNetnsPath,
  isSandboxId,
  namespace,
  type NetnsPath,
  podName,
} from "../../daemon/domain/ids.ts";
import { JsonObject } from "../../daemon/domain/json/json-object.ts";
import { parseNetConf } from "../../daemon/domain/netconf.ts";
import type { NetworkDefinition } from "../../daemon/domain/network-definition.ts";
import type { Pod, PodKey } from "../../daemon/domain/pod.ts";
import type { AddRequest } from "../../daemon/operations/verbs/add.ts";
import { journalWithMultus } from "../../daemon/migration/journal-with-multus.ts";
import type { Scope } from "../../daemon/operations/scope.ts";
import type { PluginTrace } from "../../daemon/ports/plugin-trace.ts";
import { makeReadiness } from "../../daemon/operations/observability/readiness.ts";
import type { Devices } from "../../daemon/ports/devices.ts";
import type { MultusNotes } from "../../daemon/migration/multus-notes.ts";
import { NO_METERS } from "../../daemon/ports/meters.ts";
import type { Networks } from "../../daemon/ports/networks.ts";
import type { PluginReport, PluginRun } from "../../daemon/ports/plugin-runner.ts";
import type { NetnsView, Sandboxes } from "../../daemon/ports/sandboxes.ts";
import { fixedNetworks } from "../fakes/fixed-networks.ts";
import { fixedPods } from "../fakes/fixed-pods.ts";
import { memoryConfFiles } from "../fakes/memory-conf-files.ts";
import { memoryDeviceInfoFiles } from "../fakes/memory-device-info-files.ts";
import { memoryEvents } from "../fakes/memory-events.ts";
import { memoryJournal } from "../fakes/memory-journal.ts";
import { memoryMultusNotes } from "../fakes/memory-multus-notes.ts";
import { BOOT_ID, memorySandboxes } from "../fakes/memory-sandboxes.ts";
import { memorySpool } from "../fakes/memory-spool.ts";
import { memoryStatusBoard } from "../fakes/memory-status-board.ts";
import { type PluginScript, scriptedPluginRunner, succeeds } from "../fakes/scripted-plugin-runner.ts";
import { manualClock } from "../fakes/manual-clock.ts";
import { DEFAULT_LIMITS } from "../../daemon/domain/tenant-limits.ts";

/** Text that must be fit to be what the guard says. */
function fit<T extends string>(text: string, guard: (text: string) => text is T): T {
  return guard(text) ? text : expect.fail(`${text} is not fit`);
}

export const sandbox = fit("abc", isSandboxId);
export const eth0 = fit("eth0", isIfName);
export const netns = fit("/run/netns/pod", isNetnsPath);

export const POD_ARGS =
  "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=uid-1";

export const BRIDGE = '{"cniVersion":"1.0.0","name":"pods","type":"bridge"}';

export interface StageOptions {
  readonly annotation?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly podUid?: string;
  /** Configs of NADs, by `<namespace>/<name>`, or by name for those in namespace shop. */
  readonly nads?: Readonly<Record<string, string>>;
  /** The resources that some of those NADs need a device of, by the same keys. */
  readonly resources?: Readonly<Record<string, string>>;
  /** Who sets devices apart; nobody unless given. */
  readonly devices?: readonly Devices[];
  /** What devices are parts of; each is its own unless given. */
  readonly parents?: Readonly<Record<string, string>>;
  readonly script?: PluginScript;
  /** Files on the node, by their paths. */
  readonly files?: ReadonlyMap<string, string>;
  /** What is found where an interface is to be; free unless given. A look for no name finds what any of them says. */
  readonly views?: Readonly<Record<string, LinkView>>;
  /** A test that gives none asks for no default route. */
  readonly routes?: Pick<Sandboxes, "readDefaultRoutes" | "replaceDefaultRoutes">;
  /** What Multus left on the node; nothing unless given. */
  readonly legacy?: MultusNotes;
  /** How many failed cleanups are kept; more than a test has unless given. */
  readonly maxPendingCleanups?: number;
  /** How many operations may run and wait; more than a test has unless given. */
  readonly maxOperations?: number;
  /** Why it is not known yet which pods and networks there are. */
  readonly unsynced?: PlexusError;
}

/** What a run was, in short: `ADD eth0 bridge`. */
export function said(run: PluginRun): string {
  return `${run.env["CNI_COMMAND"]} ${run.env["CNI_IFNAME"]} ${run.type}`;
}

export function stdinOf(run: PluginRun | undefined): Readonly<Record<string, unknown>> {
  return JSON.parse(run?.stdin ?? expect.fail("no such run")) as Record<string, unknown>;
}

/** A plugin that does its work: one interface, one address that tells the interfaces apart. */
export function obedient(run: PluginRun): PluginReport {
  const { CNI_COMMAND, CNI_IFNAME = "", CNI_NETNS } = run.env;
  const { cniVersion } = stdinOf(run);
  const host = CNI_IFNAME === "eth0" ? 2 : 2 + Number(CNI_IFNAME.replace(/\D/g, ""));
  const result = {
    cniVersion,
    interfaces: [{ name: CNI_IFNAME, mac: "02:00:00:00:00:01", sandbox: CNI_NETNS }],
    ips: [{ address: `10.0.0.${host}/24`, interface: 0, ...(cniVersion === "0.3.1" && { version: "4" }) }],
  };
  return succeeds(CNI_COMMAND === "ADD" ? JSON.stringify(result) : "");
}

export function nadsFrom(
  nads: Readonly<Record<string, string>>,
  resources: Readonly<Record<string, string>> = {},
): readonly NetworkDefinition[] {
  return Object.entries(nads).map(([key, config]) => {
    const [name = "", home = "shop"] = key.split("/").toReversed();
    const resourceName = resources[key];
    return { namespace: namespace(home), name, config, ...(resourceName !== undefined && { resourceName }) };
  });
}

export function stage(options: StageOptions = {}) {
  const { annotation, annotations, podUid = "uid-1", nads = {}, script = obedient, views = {} } = options;
  const home = namespace("shop");
  const pod: Pod = {
    namespace: home,
    name: podName("web"),
    uid: podUid,
    annotations: { ...(annotation !== undefined && { "k8s.v1.cni.cncf.io/networks": annotation }), ...annotations },
  };
  const definitions = [...nadsFrom(nads, options.resources)];
  const networks = fixedNetworks(definitions);
  const refuseUnlessSynced = (): void => {
    if (options.unsynced !== undefined) throw options.unsynced;
  };
  const runner = scriptedPluginRunner(script);
  const journal = memoryJournal();
  const statusBoard = memoryStatusBoard();
  const events = memoryEvents();
  const looked: string[] = [];
  const spool = memorySpool();
  const pods = [pod];
  const known = fixedPods(pods);
  const askedFor: string[] = [];
  const clock = manualClock();
  const devices = options.devices ?? [];
  const deviceInfoFiles = memoryDeviceInfoFiles();
  let identity = "4:4026532281:1" as NetnsIdentity;
  let bootId = BOOT_ID;
  const readiness = makeReadiness({ sources: refuseUnlessSynced });
  const warnings: string[] = [];
  const ports = {
    plugins: runner,
    deviceParents: { of: async (device: string) => options.parents?.[device] ?? device },
    journal: journalWithMultus(journal, options.legacy ?? memoryMultusNotes(), {
      searchPath: ["/opt/cni/bin"],
      onDamaged: (problem) => warnings.push(problem),
    }),
    statusBoard,
    events,
    spool,
    pods: {
      get: (key: PodKey, signal: AbortSignal): Promise<Pod | undefined> => {
        askedFor.push(`${key.namespace}/${key.name}`);
        return known.get(key, signal);
      },
    },
    networks: {
      get: (...which: Parameters<Networks["get"]>) => {
        refuseUnlessSynced();
        return networks.get(...which);
      },
    },
    confFiles: memoryConfFiles(options.files),
    devices,
    deviceInfoFiles,
    refuseUnlessSynced,
    refuseUnlessAble: () => readiness.refuseUnlessAble(),
    sandboxes: {
      ...(options.routes ?? memorySandboxes()),
      get bootId() {
        return bootId;
      },
      look: (path: NetnsPath, ifNames: readonly IfName[]): Promise<NetnsView> => {
        looked.push([path, ...ifNames].join(" "));
        return Promise.resolve(viewOf(views, ifNames, identity));
      },
    },
    clock,
    meters: NO_METERS,
  };
  const operations = composeOperations(ports, {
    limits: DEFAULT_LIMITS,
    node: { binDir: "/opt/cni/bin", overlay: JsonObject.empty },
    undoTimeoutMs: 1_000,
    maxOperations: options.maxOperations ?? 1_000,
    cleanupGiveUpHours: 24,
    maxPendingCleanups: options.maxPendingCleanups ?? 1_000,
    maxRunningPerNetwork: undefined,
  });
  const traces: PluginTrace[] = [];
  const scope = (signal: AbortSignal = new AbortController().signal): Scope => ({
    signal,
    trace: (run) => traces.push(run),
    warn: (message) => warnings.push(message),
  });
  return {
    ...operations,
    scope,
    deviceInfoFiles,
    journal,
    statusBoard,
    events,
    spool,
    /** A NAD gets another config. */
    redefine: (key: string, config: string) => {
      const [changed = expect.fail(`${key} is no NAD`)] = nadsFrom({ [key]: config });
      const at = definitions.findIndex(
        ({ name, namespace: home }) => name === changed.name && home === changed.namespace,
      );
      definitions.splice(at, 1, changed);
    },
    /** The pod's annotation becomes another. */
    podAsks: (networks: string) => {
      pods.splice(0, 1, { ...pod, annotations: { "k8s.v1.cni.cncf.io/networks": networks } });
    },
    /** The namespace goes, and another sandbox's takes its path. */
    pathBecomesAnothers: () => {
      identity = "4:4026532281:2" as NetnsIdentity;
    },
    /** The node boots anew, and another sandbox's namespace has the path and the inode by chance. */
    reboots: () => {
      bootId = "00000000-2f7b-4d0e-9c3a-5d1f3a0b9e77" as BootId;
    },
    /** What becomes of the pod at its source. */
    podBecomes: (what: "there" | "gone" | "replaced") => {
      pods.splice(0, 1, ...(what === "gone" ? [] : [what === "there" ? pod : { ...pod, uid: "uid-of-another" }]));
    },
    clock,
    runner,
    traces,
    warnings,
    looked,
    /** The pods that were asked for, as `<namespace>/<name>`. */
    askedFor,
    /** Every run so far, in short. */
    said: () => runner.runs.map(said),
  };
}

export function netConf(delegates: string, more = "", cniVersion = "1.0.0") {
  return parseNetConf(`{"cniVersion":"${cniVersion}","name":"plexus","delegates":[${delegates}]${more}}`);
}

export function addRequest(parts: Partial<AddRequest> = {}): AddRequest {
  return {
    sandbox,
    netns,
    ifName: eth0,
    args: parseCniArgs(POD_ARGS),
    searchPath: ["/opt/cni/bin"],
    netnsOverride: "",
    netnsMayBeHosts: false,
    netConf: netConf(BRIDGE),
    ...parts,
  };
}

type LinkView = "free" | "taken" | Exclude<NetnsView["found"], "sandbox">;

function viewOf(
  views: Readonly<Record<string, LinkView>>,
  ifNames: readonly IfName[],
  identity: NetnsIdentity,
): NetnsView {
  for (const name of ifNames.length === 0 ? Object.keys(views) : ifNames) {
    const found = views[name] ?? "free";
    if (found !== "free" && found !== "taken") return { found };
  }
  const present = new Set(ifNames.filter((ifName) => views[ifName] === "taken"));
  return { found: "sandbox", identity, present };
}

export const delRequest = { sandbox, ifName: eth0, netns, netnsMayBeHosts: false } as const;
