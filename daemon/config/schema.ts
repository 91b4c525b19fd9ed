import { availableParallelism } from "node:os";
import * as z from "zod";

const directory = z.string().regex(/^\//, "must be an absolute path");
/** A day at most: timers of more than 2^31 ms fire at once. */
const milliseconds = z.number().int().positive().max(86_400_000);

/** The daemon's own settings, with what each one defaults to. */
export const ConfigSchema = z
  .strictObject({
    /** The socket is `plexus.sock` in here; the executable's `daemonSocketDir` must lead to the same place. */
    socketDir: directory.default("/run/plexus"),
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
    logLevel: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
  })
  .refine((config) => config.hostMountNamespace === undefined || config.hostRoot === undefined, {
    error: "hostMountNamespace and hostRoot exclude each other",
  });

/** Keys of the network config that the daemon's config may hold as well; then they win over what the runtime gives (spec §7.4). */
export const OVERLAY_KEYS = [
  "auxiliaryCNIChainName",
  "clusterNetwork",
  "confDir",
  "defaultNetworks",
  "delegates",
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
export const IDLE_KEYS = [
  "capabilities",
  "cniConfigDir",
  "cniVersion",
  "connectionLimit",
  "daemonSocketDir",
  "enablePprof",
  "forceCNIVersion",
  "logFile",
  "logOptions",
  "logToStderr",
  "metricsPort",
  "multusAutoconfigDir",
  "multusConfigFile",
  "multusMasterCNI",
  "name",
  "overrideNetworkName",
  "perNodeCertificate",
  "retryDeleteOnError",
  "type",
] as const;

/** Multus' names for how much to log. */
export const MULTUS_LOG_LEVELS: Readonly<Record<string, string>> = {
  panic: "error",
  verbose: "info",
};
