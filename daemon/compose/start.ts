/** Starts the daemon's parts in the order in which they depend on each other, and ends them in the reverse order. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "pino";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { confFiles } from "../adapters/conf-files/conf-files.ts";
import { makeDeviceInfoFiles } from "../adapters/device-info-files/device-info-files.ts";
import { makeDeviceParents } from "../adapters/devices/device-parents.ts";
import { makeKubeletDevices } from "../adapters/devices/kubelet-devices.ts";
import { openJournal } from "../adapters/journal/file-journal.ts";
import { tryWriting } from "../adapters/journal/try-writing.ts";
import { type Launcher, type PluginHost, startLauncher } from "../adapters/launcher/launcher.ts";
import { groupId } from "../adapters/groups/group-id.ts";
import { becomeOnlyDaemon } from "../adapters/single-daemon/single-daemon.ts";
import { openSpool } from "../adapters/spool/spool-directory.ts";
import { limitsOf } from "../config/limits.ts";
import type { Config } from "../config/load.ts";
import { journalWithMultus } from "../migration/journal-with-multus.ts";
import { multusNoteFiles } from "../migration/multus-note-files.ts";
import { makeInspection } from "../operations/observability/inspect.ts";
import {
  canRunPlugins,
  makeReadiness,
  makeStatusGate,
  noProblem,
  type Readiness,
} from "../operations/observability/readiness.ts";
import { makeReadings } from "../operations/observability/readings.ts";
import { watchJournal } from "../operations/observability/watched-journal.ts";
import { type Meters, NO_METERS } from "../ports/meters.ts";
import { openDoors } from "../server/doors.ts";
import { startServer } from "../server/server.ts";
import { keepRuntimeConfBesideServing, resumeBesideServing } from "./background.ts";
import { composeOperations } from "./operations.ts";
import { openPrometheus } from "./prometheus.ts";
import { openSource } from "./source.ts";

/** How long the launcher may be down before the node counts as not ready. */
const LAUNCHER_MAY_REST_MS = 5_000;
/** How long the launcher may be down before only a new daemon can help. */
const LAUNCHER_IS_LOST_MS = 60_000;
/** How long after its start a daemon that is not ready has STATUS asked again. */
const STARTING_S = 20;

/**
 * @param home the directory of the bundle, the launcher and the protos
 * @returns how to end the daemon: operations under way finish, within `drainTimeoutMs`
 */
export async function start(
  config: Config,
  { log, home, version }: { readonly log: Logger; readonly home: string; readonly version: string },
): Promise<() => Promise<void>> {
  const prometheus = await openPrometheus(config, version);
  const meters = prometheus?.meters ?? NO_METERS;
  const only = await becomeOnlyDaemon(config.stateDir, config.drainTimeoutMs + 5_000, join(home, "plexus-launcher"));
  const launcher = openLauncher(config, home, log, meters);
  const { journal, writable } = await openRecords(config, log, meters);
  const source = await openSource(config, log);
  const spool = await openSpool({
    directory: join(config.stateDir, "spool"),
    bootId: launcher.sandboxes.bootId,
    unmount: launcher.unmount,
    onProblem: (problem) => {
      log.warn({ problem }, "a DEL that waits in the spool cannot be read");
    },
  });
  let isStopping = false;
  const open = noProblem(
    () => (isStopping ? "the daemon is stopping" : undefined),
    "another is about to take its place",
  );
  const runtimeConf = keepRuntimeConfBesideServing(config, () => readiness.refuseUnlessAble(), log);
  const readiness: Readiness = makeReadiness(
    {
      open,
      source: source.refuseUnlessSynced,
      "status-board": noProblem(source.statusProblem, "see docs/errors.md, not-allowed"),
      launcher: canRunPlugins(launcher.state, LAUNCHER_MAY_REST_MS),
      journal: writable,
    },
    { "runtime-conf": noProblem(runtimeConf.problem, "see docs/operate.md, The runtime's conf") },
  );
  const protoDir = join(home, "proto");
  const operations = composeOperations(
    {
      ...source,
      plugins: launcher.runner,
      sandboxes: launcher.sandboxes,
      deviceParents: makeDeviceParents(),
      devices: [makeKubeletDevices({ kubeletDir: config.kubeletDir, protoDir, clock: systemClock }), ...source.devices],
      deviceInfoFiles: makeDeviceInfoFiles(config.deviceInfoDir),
      journal,
      spool,
      confFiles,
      clock: systemClock,
      meters,
      refuseUnlessAble: makeStatusGate(readiness, () => isStopping || process.uptime() < STARTING_S),
    },
    { ...config, limits: limitsOf(config), node: config },
  );
  const serving = {
    log,
    meters,
    readiness,
    node: config,
    operationTimeoutMs: config.operationTimeoutMs,
    newRequestId: randomUUID,
  };
  const server = await startServer({
    ...serving,
    operations,
    inspection: makeInspection(operations.journal, operations.backlog),
    socketDir: config.socketDir,
    inspectorGroupId: config.inspectorGroup === undefined ? undefined : await groupId(config.inspectorGroup),
    protoDir,
  });
  prometheus?.watch(makeReadings({ ...operations, ...source, readiness, plugins: () => launcher.state() }));
  const doors = await openDoors({
    ...serving,
    delegate: operations.hotPlug,
    open,
    alive: canRunPlugins(launcher.state, LAUNCHER_IS_LOST_MS),
    metrics: prometheus && {
      at: { port: config.metricsPort ?? 0, host: config.metricsAddress },
      expose: () => prometheus.expose(),
    },
    probes: config.probePort === undefined ? undefined : { port: config.probePort, host: config.probeAddress },
    multusSocket: config.multusSocket,
  });
  const resuming = resumeBesideServing(operations, { spool, meters, log });
  runtimeConf.begin();
  log.info({ socket: server.socketPath, startMs: Math.round(process.uptime() * 1000) }, "ready");

  return async () => {
    isStopping = true;
    const hurry = AbortSignal.timeout(config.drainTimeoutMs);
    await runtimeConf.stop();
    await server.stop(hurry);
    await doors.stop(hurry);
    await resuming.stop();
    spool.close();
    await source.close();
    await launcher.stop();
    await only.release();
  };
}

function openLauncher(config: Config, home: string, log: Logger, meters: Meters): Launcher {
  return startLauncher({
    binary: join(home, "plexus-launcher"),
    host: pluginHost(config),
    maxRunning: config.maxRunningPlugins,
    pluginTimeoutMs: config.pluginTimeoutMs,
    maxOutputBytes: config.maxPluginOutputBytes,
    onRestart: (reason) => {
      log.error({ reason }, "the process that runs plugins ended; started another");
      meters.launcherRestarted();
    },
  });
}

/** The records of this daemon, and those of the Multus that had the node before it. */
async function openRecords(config: Config, log: Logger, meters: Meters) {
  const onDamaged = (problem: string): void => {
    log.warn({ problem }, "a record is damaged; DEL will work out anew what to take away");
  };
  const watched = watchJournal(await openJournal(config.stateDir, onDamaged), {
    clock: systemClock,
    meters,
    tryWriting: () => tryWriting(config.stateDir),
  });
  const journal = journalWithMultus(watched.journal, multusNoteFiles(config), {
    searchPath: [config.binDir],
    onDamaged,
  });
  return { journal, writable: watched.writable };
}

function pluginHost({ hostMountNamespace, hostRoot }: Config): PluginHost {
  if (hostMountNamespace !== undefined) return { how: "mount-namespace", path: hostMountNamespace };
  if (hostRoot !== undefined) return { how: "root", path: hostRoot };
  return { how: "here" };
}
