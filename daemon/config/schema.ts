import { availableParallelism } from "node:os";
import { z } from "zod";

const directory = z.string().regex(/^\//, "must be an absolute path");
const milliseconds = z.number().int().positive();

/** The daemon's settings, with what each one defaults to. Unknown keys are refused: they are spelling mistakes. */
export const ConfigSchema = z
  .strictObject({
    /** The socket is `plexus.sock` in here; the executable's `daemonSocketDir` must lead to the same place. */
    socketDir: directory.default("/run/plexus"),
    /** What is attached to which sandbox is kept here; it must survive a restart of the node. */
    stateDir: directory.default("/var/lib/plexus"),
    /** Searched for plugins before the runtime's CNI_PATH. */
    binDir: directory.default("/opt/cni/bin"),
    /** Pod and NetworkAttachmentDefinition manifests (YAML or JSON): the source of truth on a host without Kubernetes. */
    manifestDir: directory.default("/etc/plexus/manifests"),
    /** How long an ADD waits for a pod that is not known yet. */
    podWaitMs: z.number().int().nonnegative().default(2_500),
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
      .max(64 << 20)
      .default(4 << 20),
    logLevel: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
  })
  .refine((config) => config.hostMountNamespace === undefined || config.hostRoot === undefined, {
    error: "hostMountNamespace and hostRoot exclude each other",
  });

export type Config = Readonly<z.infer<typeof ConfigSchema>>;
