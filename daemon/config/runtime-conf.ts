import type { RuntimeConfSettings } from "../domain/runtime-conf/settings.ts";
import type { Config } from "./load.ts";

/** What the executable takes for granted (shim/core/network-config.ts). */
const DEFAULTS = { socketDir: "/run/plexus", spoolDir: "/var/lib/plexus/spool", timeoutSeconds: 240 };
/** The longest that it can be told to wait. */
const LONGEST_TIMEOUT_SECONDS = 3_600;

/** What conf the runtime is to get; undefined when that is nobody's business but the administrator's. */
export function runtimeConfOf(config: Config): RuntimeConfSettings | undefined {
  const { multusConfigFile: file, type } = config;
  if (file === undefined) return undefined;
  const directory = withoutSlash(config.cniConfigDir);
  if (file !== "auto") {
    const fileName = file.slice(file.lastIndexOf("/") + 1);
    return { directory, fileName, type, source: { is: "file", path: file } };
  }
  const primary = {
    directory: withoutSlash(config.multusAutoconfigDir ?? directory),
    fileName: config.multusMasterCNI,
    forceCniVersion: config.forceCNIVersion,
    template: {
      cniVersion: config.cniVersion,
      name: config.name,
      overrideNetworkName: config.overrideNetworkName,
      type,
      capabilities: config.capabilities ?? {},
      forExecutable: unlikeDefaults(config),
    },
  };
  const { cniConfigFile: fileName, readinessIndicatorFile } = config;
  return { directory, fileName, type, source: { is: "primary", primary, readinessIndicatorFile } };
}

/** What has to be followed to keep it. */
export function watchedFor({ directory, source }: RuntimeConfSettings): {
  readonly directories: readonly string[];
  readonly files: readonly string[];
} {
  if (source.is === "file") return { directories: [directory], files: [source.path] };
  const { primary, readinessIndicatorFile } = source;
  return {
    directories: [directory, primary.directory],
    files: readinessIndicatorFile === undefined ? [] : [readinessIndicatorFile],
  };
}

function unlikeDefaults(config: Config): Readonly<Record<string, string | number>> {
  const socketDir = withoutSlash(config.daemonSocketDir ?? onHost(config.socketDir));
  const spoolDir = `${onHost(config.stateDir)}/spool`;
  const timeout = Math.min(Math.ceil(config.operationTimeoutMs / 1_000), LONGEST_TIMEOUT_SECONDS);
  return {
    ...(socketDir !== DEFAULTS.socketDir && { daemonSocketDir: socketDir }),
    ...(spoolDir !== DEFAULTS.spoolDir && { daemonSpoolDir: spoolDir }),
    // What is to take less, the daemon ends by itself.
    ...(timeout > DEFAULTS.timeoutSeconds && { daemonTimeoutSeconds: timeout }),
  };
}

/** Multus' manifests mount the host's directories below /host, and so does ours; the executable runs on the host. */
function onHost(directory: string): string {
  return withoutSlash(directory.startsWith("/host/") ? directory.slice("/host".length) : directory);
}

function withoutSlash(directory: string): string {
  return directory.replace(/(?<=.)\/+$/, "");
}
