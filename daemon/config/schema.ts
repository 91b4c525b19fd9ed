import { availableParallelism } from "node:os";
import * as z from "zod";
import { CNI_VERSIONS } from "../domain/cni/version.ts";
import { isNetworkName } from "../domain/ids.ts";
import { type AllowedPlugins, DEFAULT_LIMITS } from "../domain/tenant-limits.ts";
import { isGenerated, isOwnName, RUNTIME_CONF, RUNTIME_ENDINGS } from "../domain/runtime-conf/conf-names.ts";

const directory = z.string().regex(/^\//, "must be an absolute path");
const fileName = z.string().regex(/^[^/\0]+$/, "must be the name of a file, not a path");
const positive = z.number().int().positive();
const port = z.number().int().positive().max(65_535);
const address = z.union([z.ipv4(), z.ipv6()]);
/** A day at most: timers of more than 2^31 ms fire at once. */
const milliseconds = z.number().int().positive().max(86_400_000);

/** The daemon's own settings, with what each one defaults to. */
export const ConfigSchema = z
  .strictObject({
    /** The daemon's sockets are in here; the executable's `daemonSocketDir` must lead to the same place. */
    socketDir: directory.default("/run/plexus"),
    /** A group, by number or name, that may open the read-only socket plexus-inspector.sock. Without it there is no such socket. */
    inspectorGroup: z.union([z.number().int().nonnegative().max(4_294_967_294), z.string().min(1).max(255)]).optional(),
    /** What is attached to which sandbox is kept here; it must survive a restart of the node. */
    stateDir: directory.default("/var/lib/plexus"),
    /** Searched for plugins before the runtime's CNI_PATH. */
    binDir: directory.default("/opt/cni/bin"),
    /** Where Multus noted what it attached: its `cniDir`. Pods that it left are deleted from there. */
    multusDir: directory.default("/var/lib/cni/multus"),
    /** The same of TKE's fork of Multus. */
    tkeDir: directory.default("/var/lib/cni/networks/multus"),
    /** This node's name in the cluster; required unless manifestDir is given. The environment's NODE_NAME or MULTUS_NODE_NAME will do. */
    nodeName: z.string().min(1).optional(),
    /** How to reach the API server; without it, as a pod of the cluster does. */
    kubeconfig: directory.optional(),
    /** Pod and NetworkAttachmentDefinition manifests: the source of truth on a host without Kubernetes. */
    manifestDir: directory.optional(),
    /** The kubelet's own directory: it tells there which devices a pod has. */
    kubeletDir: directory.default("/var/lib/kubelet"),
    /** Where device plugins and CNI plugins leave what they know of devices. Plugins are told this path, so it must be the host's. */
    deviceInfoDir: directory.default("/var/run/k8s.cni.cncf.io/devinfo"),
    /** How long an ADD waits for a pod that is not known yet. */
    podWaitMs: z.number().int().nonnegative().default(2_500),
    /** Whether an ADD fails when the network status cannot be written in time, or leaves it to be written later. */
    statusMode: z.enum(["sync", "queue"]).default("sync"),
    /** How long an ADD waits for the API server to take the network status. */
    statusWaitMs: milliseconds.default(10_000),
    /** Plugins run in this mount namespace, e.g. `/proc/1/ns/mnt`: for a daemon in a container with hostPID. */
    hostMountNamespace: directory.optional(),
    /** Plugins run with this as their root directory: where the mount namespace cannot be entered. */
    hostRoot: directory.optional(),
    /** How many plugins run at once on this node. */
    maxRunningPlugins: z
      .number()
      .int()
      .positive()
      .default(() => availableParallelism() * 4),
    /** How many plugins of any one network run at once; no bound of their own unless it is given. */
    maxRunningPerNetwork: z.number().int().positive().optional(),
    /** How many operations may run and wait on this node; one more fails with code 11, and the runtime asks again. */
    maxOperations: z.number().int().positive().default(2_000),
    /** How long the daemon retries a failing cleanup once the pod and its namespace are gone; then it gives up, with an event. */
    cleanupGiveUpHours: z.number().positive().default(24),
    /** How many failing cleanups the daemon keeps on record; beyond that it gives up the oldest. */
    maxPendingCleanups: z.number().int().positive().default(1_000),
    /** A plugin that takes longer is killed, with all it started. */
    pluginTimeoutMs: milliseconds.default(120_000),
    /** No operation takes longer, whatever the runtime says. */
    operationTimeoutMs: milliseconds.default(240_000),
    /** How long undoing a failed ADD may take. */
    undoTimeoutMs: milliseconds.default(60_000),
    /** How long operations under way may go on after SIGTERM. */
    drainTimeoutMs: milliseconds.default(25_000),
    /** A plugin that prints more than this, on either stream, is killed. */
    maxPluginOutputBytes: z
      .number()
      .int()
      .positive()
      .max(16 << 20)
      .default(4 << 20),
    /** Networks of one pod, the cluster's own included. */
    maxNetworksPerPod: positive.max(1_000).default(DEFAULT_LIMITS.networksPerPod),
    /** Bytes of one element of a pod's networks annotation. */
    maxSelectionBytes: positive.max(256 << 10).default(DEFAULT_LIMITS.selectionBytes),
    /** Bytes of a NAD's config; one that is larger is passed over. */
    maxNetworkConfigBytes: positive.max(1 << 20).default(DEFAULT_LIMITS.networkConfigBytes),
    /** Plugins of one NAD. */
    maxPluginsPerNetwork: positive.max(1_000).default(DEFAULT_LIMITS.pluginsPerNetwork),
    /** Bytes of all configs that one pod's plugins are given. */
    maxPlanBytes: positive.max(16 << 20).default(DEFAULT_LIMITS.planBytes),
    /** The plugins that NADs may name: one list for all, or a list for each namespace and `*` for the others. Without it, every plugin. */
    allowedPlugins: z
      .union([
        z.array(fileName).transform((types): AllowedPlugins => ({ "*": types })),
        z.record(z.string(), z.array(fileName)),
      ])
      .optional(),
    logLevel: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
    /** The log goes here, too, appended; nowhere if empty. */
    logFile: z
      .string()
      .regex(/^(\/.*)?$/, "must be an absolute path")
      .optional(),
    /** Serves `/metrics` on this port; without it nothing is measured. */
    metricsPort: port.optional(),
    /** On this address; without it, on all of the node's. */
    metricsAddress: address.optional(),
    /** Serves `/readyz` and `/livez` on this port. */
    probePort: port.optional(),
    /** On this address. */
    probeAddress: address.default("127.0.0.1"),
    /** Serves Multus' HTTP API for hot-plugging on this socket. */
    multusSocket: directory.optional(),
    /** Multus' certificates for each node; there are none here. */
    perNodeCertificate: z.looseObject({ enabled: z.boolean().default(false) }).optional(),
    /** Who writes the conf that the runtime reads: `auto`, the daemon, from the default network's; a path, the daemon, copying that file. */
    multusConfigFile: z.union([z.literal("auto"), directory]).optional(),
    /** Where the runtime reads confs. */
    cniConfigDir: directory.default("/etc/cni/net.d"),
    /** What the conf that is made from the default network's is called there: by its name runtimes and Multus take it or pass it over. */
    cniConfigFile: fileName
      .refine((name) => isOwnName(name), "must be 00-plexus.conf or the like: 00-, a plexus in it, .conf or .json")
      .default(RUNTIME_CONF),
    /** Where the default network's conf is looked for; without it, in `cniConfigDir`. */
    multusAutoconfigDir: directory.optional(),
    /** The name of the default network's conf; without it, the first there is. */
    multusMasterCNI: fileName
      .refine((name) => !isGenerated(name), "must not be what Plexus or Multus writes itself")
      .optional(),
    /** The version in the runtime's conf; without it, the default network's. */
    cniVersion: z.enum(CNI_VERSIONS).optional(),
    /** Write that version into the default network's conf, too. */
    forceCNIVersion: z.boolean().default(false),
    /** The name in the runtime's conf. */
    name: z
      .string()
      .refine((name): boolean => isNetworkName(name), "has characters that a network's name must not have")
      .default("plexus"),
    /** Take the default network's name instead. */
    overrideNetworkName: z.boolean().default(false),
    /** What the runtime's conf calls the executable: its file name in the runtime's plugin directory. */
    type: fileName.default("plexus"),
    /** Capabilities in the runtime's conf besides those of the default network's plugins. */
    capabilities: z.record(z.string(), z.boolean()).optional(),
    /** `socketDir` as the executable sees it, on the host; without it `socketDir`, less `/host` at its beginning. */
    daemonSocketDir: directory.optional(),
  })
  .refine((config) => config.hostMountNamespace === undefined || config.hostRoot === undefined, {
    error: "hostMountNamespace and hostRoot exclude each other",
  })
  .refine((config) => !config.forceCNIVersion || config.cniVersion !== undefined, {
    error: "forceCNIVersion needs a cniVersion",
  })
  .refine(({ multusConfigFile: file = "auto" }) => file === "auto" || isForRuntimes(file), {
    error: "multusConfigFile must end in .conf, .conflist or .json, or runtimes pass it over",
  });

function isForRuntimes(file: string): boolean {
  return RUNTIME_ENDINGS.some((ending) => file.endsWith(ending));
}

/** Keys of the network config that the daemon's config may hold as well; then they win over what the runtime gives (spec §7.4). */
export const OVERLAY_KEYS = [
  "auxiliaryCNIChainName",
  "clusterNetwork",
  "confDir",
  "defaultDelegates",
  "defaultNetworks",
  "delegates",
  "dialect",
  "globalNamespaces",
  "inheritRuntimeConfig",
  "multusNamespace",
  "namespaceIsolation",
  "readinessindicatorfile",
  "strictCompat",
  "systemNamespaces",
] as const;

/** Keys of Multus' daemon-config.json that have another name here. */
export const RENAMED_KEYS: Readonly<Record<string, keyof z.input<typeof ConfigSchema>>> = {
  chrootDir: "hostRoot",
  cniDir: "multusDir",
};

/** Keys of Multus' daemon-config.json that are taken and change nothing, so that an existing file can stay as it is. */
export const IDLE_KEYS = ["connectionLimit", "enablePprof", "logOptions", "logToStderr", "retryDeleteOnError"] as const;

/** Multus' names for how much to log. */
export const MULTUS_LOG_LEVELS: Readonly<Record<string, string>> = {
  panic: "error",
  verbose: "info",
};
