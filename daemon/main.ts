/** The composition root: reads the command line, puts the parts together, and ends them in order. */
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Logger } from "pino";
import { systemClock } from "./adapters/clock/system-clock.ts";
import { makeConfDirectory } from "./adapters/conf-directory/conf-directory.ts";
import { watchConfs } from "./adapters/conf-directory/watch-confs.ts";
import { confFiles } from "./adapters/conf-files/conf-files.ts";
import { makeDeviceInfoFiles } from "./adapters/device-info-files/device-info-files.ts";
import { makeDeviceParents } from "./adapters/devices/device-parents.ts";
import { makeKubeletDevices } from "./adapters/devices/kubelet-devices.ts";
import { openJournal } from "./adapters/journal/file-journal.ts";
import { type PluginHost, startLauncher } from "./adapters/launcher/launcher.ts";
import { legacyRecords } from "./adapters/legacy-records/legacy-records.ts";
import { giveBackWhenIdle } from "./adapters/memory/give-back-when-idle.ts";
import { tryWriting } from "./adapters/journal/try-writing.ts";
import type { Prometheus } from "./adapters/prometheus/prometheus.ts";
import { openLog } from "./adapters/log/log.ts";
import { becomeOnlyDaemon } from "./adapters/single-daemon/single-daemon.ts";
import { openSpool } from "./adapters/spool/spool-directory.ts";
import { makeStatusFiles } from "./adapters/status-files/status-files.ts";
import { type Config, loadConfig, parseConfig } from "./config/load.ts";
import { runtimeConfOf, watchedFor } from "./config/runtime-conf.ts";
import { PlexusError } from "./domain/errors.ts";
import { makeAdd } from "./operations/add.ts";
import { makeCheck } from "./operations/check.ts";
import { makeDebtBook } from "./operations/debts.ts";
import { makeDel } from "./operations/del.ts";
import { makeDelegate } from "./operations/delegate.ts";
import { DeviceLanes } from "./operations/device-lanes.ts";
import { exportToMultus } from "./operations/export-to-multus.ts";
import { makeGc } from "./operations/gc.ts";
import { makeInspection } from "./operations/inspect.ts";
import { journalWithLegacy } from "./operations/journal-with-legacy.ts";
import { keepRuntimeConf, makeRuntimeConfKeeper } from "./operations/keep-runtime-conf.ts";
import { NetworkLanes } from "./operations/network-lanes.ts";
import { canRunPlugins, makeReadiness, noProblem, type Readiness } from "./operations/readiness.ts";
import { makeReadings } from "./operations/readings.ts";
import { keepResuming, makeResume, type ResumeDeps, type ResumeReport } from "./operations/resume.ts";
import { makeConflistRunner } from "./operations/run-conflist.ts";
import { SandboxQueue } from "./operations/sandbox-queue.ts";
import { makeSettle } from "./operations/spooled-dels.ts";
import { makeStatus } from "./operations/status.ts";
import { watchJournal } from "./operations/watched-journal.ts";
import type { Devices } from "./ports/devices.ts";
import type { Events } from "./ports/events.ts";
import { type Meters, NO_METERS } from "./ports/meters.ts";
import type { Networks } from "./ports/networks.ts";
import type { Pods } from "./ports/pods.ts";
import type { Readings } from "./ports/readings.ts";
import type { StatusBoard } from "./ports/status-board.ts";
import { openDoors } from "./server/doors.ts";
import { startServer } from "./server/server.ts";

const HELP = `plexus-daemon: attaches pods to several networks, for the CNI plugin "plexus" on the same node

usage: plexus-daemon [--config FILE] [--export-multus]
       plexus-daemon install|uninstall --help

  --config FILE   settings, a JSON object; without it every setting has its default (docs/configuration.md)
  --export-multus with no daemon running: note down for Multus what is attached, so that it can take the node back, and exit
  --version       print the version and exit
  --help          print this and exit

Must run as root. Listens on <socketDir>/plexus.sock (default /run/plexus/plexus.sock), logs JSON lines to standard output.
SIGTERM and SIGINT: finish what is under way, then exit 0. Exit 1: it could not start; the last line says why.
Look inside:  grpcurl -plaintext -unix /run/plexus/plexus.sock plexus.v1.Inspector/ListSandboxes
`;

/** esbuild puts the version of package.json here. */
declare const PLEXUS_VERSION: string;

/** The bundle, the launcher and the protos are installed side by side. */
const HOME = dirname(fileURLToPath(import.meta.url));

/** Starts everything in the order in which it depends on each other, and returns how to end it. */
async function start(config: Config, log: Logger): Promise<() => Promise<void>> {
  const prometheus = await openPrometheus(config);
  const meters = prometheus?.meters ?? NO_METERS;
  const only = await becomeOnlyDaemon(config.stateDir, config.drainTimeoutMs + 5_000);
  const launcher = startLauncher({
    binary: join(HOME, "plexus-launcher"),
    host: pluginHost(config),
    maxRunning: config.maxRunningPlugins,
    pluginTimeoutMs: config.pluginTimeoutMs,
    maxOutputBytes: config.maxPluginOutputBytes,
    onRestart: (reason) => {
      log.error({ reason }, "the process that runs plugins ended; started another");
      meters.launcherRestarted();
    },
  });
  const onDamaged = (problem: string): void => {
    log.warn({ problem }, "a record is damaged; DEL will work out anew what to take away");
  };
  const watched = watchJournal(await openJournal(config.stateDir, onDamaged), {
    clock: systemClock,
    meters,
    tryWriting: () => tryWriting(config.stateDir),
  });
  const journal = journalWithLegacy(watched.journal, legacyRecords(config), {
    searchPath: [config.binDir],
    onDamaged,
  });
  const source = await openSource(config, log);
  const spool = await openSpool({
    directory: join(config.stateDir, "spool"),
    onProblem: (problem) => {
      log.warn({ problem }, "a DEL that waits cannot be read");
    },
  });

  const protoDir = join(HOME, "proto");
  const conflists = makeConflistRunner(
    launcher.runner,
    systemClock,
    new NetworkLanes(config.maxRunningPerNetwork),
    new DeviceLanes(makeDeviceParents()),
  );
  const queue = new SandboxQueue(config.maxOperations);
  const deps = {
    conflists,
    queue,
    journal,
    spool,
    node: config,
    debts: makeDebtBook(systemClock),
    ...source,
    links: launcher.links,
    routes: launcher.routes,
    confFiles,
    devices: [makeKubeletDevices({ kubeletDir: config.kubeletDir, protoDir, clock: systemClock }), ...source.devices],
    deviceInfoFiles: makeDeviceInfoFiles(config.deviceInfoDir),
    clock: systemClock,
    undoTimeoutMs: config.undoTimeoutMs,
  };
  let isStopping = false;
  const open = noProblem(
    () => (isStopping ? "the daemon is stopping" : undefined),
    "another is about to take its place",
  );
  const runtimeConf = prepareRuntimeConf(config, () => readiness.refuseUnlessAble(), log);
  const readiness: Readiness = makeReadiness(
    {
      open,
      source: source.refuseUnlessSynced,
      launcher: canRunPlugins(launcher.state, LAUNCHER_MAY_REST_MS),
      journal: watched.writable,
    },
    { "runtime-conf": noProblem(runtimeConf.problem, "see docs/operate.md, The runtime's conf") },
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
    operations: {
      add: makeAdd({ ...deps, settle: makeSettle(deps) }),
      del: makeDel(deps),
      check: makeCheck(deps),
      status: makeStatus({ ...deps, readiness }),
      gc: makeGc(deps),
    },
    inspection: makeInspection(journal, deps.debts),
    socketDir: config.socketDir,
    protoDir,
  });
  prometheus?.watch(makeReadings({ ...deps, readiness, plugins: () => launcher.state(), ...source }));
  const doors = await openDoors({
    ...serving,
    delegate: makeDelegate(deps),
    open,
    alive: canRunPlugins(launcher.state, LAUNCHER_IS_LOST_MS),
    metrics: prometheus && {
      at: { port: config.metricsPort ?? 0, host: config.metricsAddress },
      expose: () => prometheus.expose(),
    },
    probes: config.probePort === undefined ? undefined : { port: config.probePort, host: config.probeAddress },
    multusSocket: config.multusSocket,
  });
  const resuming = resumeBesideServing({ ...deps, meters, awaitChange: (signal) => spool.awaitChange(signal) }, log);
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

/** Finishes what was left unfinished, now and whenever something is; nobody waits for it. */
function resumeBesideServing(
  deps: ResumeDeps & { readonly meters: Meters; readonly awaitChange: (signal: AbortSignal) => Promise<void> },
  log: Logger,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const resume = makeResume(deps);
  const round = async (): Promise<ResumeReport> => {
    const report = await resume({
      signal: stopping.signal,
      trace: (run) => deps.meters.ranBesides(run),
      warn: (message) => {
        log.warn({ op: "RESUME" }, message);
      },
    });
    if (report.finished > 0 || report.owed > 0) log.info({ op: "RESUME", ...report }, "unfinished operations");
    return report;
  };
  const rounds = keepResuming(round, systemClock, deps.awaitChange, stopping.signal);
  return {
    async stop() {
      stopping.abort(new Error("the daemon is stopping"));
      await rounds;
    },
  };
}

/** The conf by which the runtime finds the daemon, if that is the daemon's to keep: from when it serves until it stops. */
function prepareRuntimeConf(
  config: Config,
  refuseUnlessAble: () => Promise<void>,
  log: Logger,
): { problem(): string | undefined; begin(): void; stop(): Promise<void> } {
  const settings = runtimeConfOf(config);
  if (settings === undefined) {
    return { problem: () => undefined, begin: () => undefined, stop: () => Promise.resolve() };
  }
  const deps = { confFiles, directory: makeConfDirectory(), clock: systemClock, refuseUnlessAble };
  const tell = {
    inform: (message: string) => {
      log.info({ op: "CONF" }, message);
    },
    warn: (message: string) => {
      log.warn({ op: "CONF" }, message);
    },
  };
  const keeper = makeRuntimeConfKeeper({ ...deps, ...tell }, settings);
  const changes = watchConfs(watchedFor(settings));
  const stopping = new AbortController();
  let keeping: Promise<void> | undefined;
  return {
    problem: keeper.problem,
    begin() {
      keeping = keepRuntimeConf(keeper, changes, systemClock, stopping.signal);
    },
    async stop() {
      stopping.abort(new Error("the daemon is stopping"));
      await keeping;
      changes.close();
    },
  };
}

/** How long plugins may be without what runs them before pods are not sent here any more, and before only a new daemon can help. */
const LAUNCHER_MAY_REST_MS = 5_000;
const LAUNCHER_IS_LOST_MS = 60_000;

/** Its library is loaded only if somebody is to look. */
async function openPrometheus({ metricsPort }: Config): Promise<Prometheus | undefined> {
  if (metricsPort === undefined) return undefined;
  const { makePrometheus } = await import("./adapters/prometheus/prometheus.ts");
  return makePrometheus(PLEXUS_VERSION);
}

/** Where pods and networks come from, and where a pod's network status is shown. */
interface Source extends Pick<Readings, "followed" | "lost" | "credentialAgeMs"> {
  readonly pods: Pods;
  readonly networks: Networks;
  readonly statusBoard: StatusBoard;
  readonly events: Events;
  /** Who sets devices apart beside the kubelet. */
  readonly devices: readonly Devices[];
  /** @throws PlexusError `not-available` while not all is known yet */
  refuseUnlessSynced(): void;
  close(): Promise<void>;
}

/** A directory of manifests if there is to be one, else the cluster. What the other would need is not loaded. */
async function openSource(config: Config, log: Logger): Promise<Source> {
  return config.manifestDir === undefined
    ? clusterSource(config, log)
    : manifestSource(config, config.manifestDir, log);
}

async function manifestSource(config: Config, directory: string, log: Logger): Promise<Source> {
  const { openManifests } = await import("./adapters/manifests/manifests.ts");
  const manifests = await openManifests({
    directory,
    podWaitMs: config.podWaitMs,
    onProblem: (problem) => {
      log.warn({ problem }, "a manifest cannot be used");
    },
  });
  return {
    pods: manifests.pods,
    networks: manifests.networks,
    statusBoard: makeStatusFiles(config.stateDir),
    // A pod of a manifest has no owner to be told.
    events: { report: () => undefined },
    devices: [],
    // Manifests have been read once before anybody can ask.
    refuseUnlessSynced: () => undefined,
    followed: () => [],
    lost: () => ({ events: 0, statuses: 0 }),
    credentialAgeMs: () => undefined,
    close: () => {
      manifests.close();
      return Promise.resolve();
    },
  };
}

async function clusterSource(config: Config, log: Logger): Promise<Source> {
  const { openKubernetes } = await import("./adapters/kubernetes/kubernetes.ts");
  const { env } = process;
  const kubernetes = openKubernetes({
    nodeName: config.nodeName ?? env["NODE_NAME"] ?? env["MULTUS_NODE_NAME"] ?? "",
    kubeconfig: config.kubeconfig,
    serviceHost: env["KUBERNETES_SERVICE_HOST"],
    servicePort: env["KUBERNETES_SERVICE_PORT"],
    podWaitMs: config.podWaitMs,
    statusMode: config.statusMode,
    statusWaitMs: config.statusWaitMs,
    onProblem: (problem) => {
      log.warn({ problem }, "trouble with the API server");
    },
    onConnected: (what, count) => {
      log.info({ what, count }, "following the API server");
    },
    clock: systemClock,
  });
  return {
    ...kubernetes,
    followed: () => kubernetes.followed().map((one) => ({ ...one, following: one.problem === undefined })),
    devices: [kubernetes.devices],
    refuseUnlessSynced: () => {
      const { pods, networks } = kubernetes.synced();
      if (pods && networks) return;
      throw new PlexusError("not-available", `the cluster's ${pods ? "networks" : "pods"} are not known yet`, {
        details: "they are being read from the API server; the daemon's log says if that goes wrong",
      });
    },
  };
}

/** What somebody who came from Multus with these settings should know. */
function remarks({ idle, perNodeCertificate }: Config): readonly string[] {
  return [
    ...(idle.length === 0 ? [] : [`settings that change nothing here: ${idle.join(", ")}`]),
    ...(perNodeCertificate?.enabled === true
      ? [
          "perNodeCertificate: there are no such certificates here, the daemon uses its own credential; docs/operate.md#the-daemons-credential says what is better",
        ]
      : []),
  ];
}

function pluginHost({ hostMountNamespace, hostRoot }: Config): PluginHost {
  if (hostMountNamespace !== undefined) return { how: "mount-namespace", path: hostMountNamespace };
  if (hostRoot !== undefined) return { how: "root", path: hostRoot };
  return { how: "here" };
}

/** Hands over what it can. @throws PlexusError naming the rest */
async function exportRecords(config: Config): Promise<void> {
  const only = await becomeOnlyDaemon(config.stateDir, 0);
  const journal = await openJournal(config.stateDir, () => undefined);
  const { sandboxes, problems } = await exportToMultus(journal, legacyRecords(config));
  await only.release();
  process.stdout.write(`${sandboxes} sandboxes noted down in ${config.multusDir}\n`);
  if (problems.length > 0) throw new PlexusError("io-failure", `not all could be: ${problems.join("; ")}`);
}

async function main(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      config: { type: "string" },
      "export-multus": { type: "boolean" },
      version: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  if (values.version === true) {
    process.stdout.write(`plexus-daemon ${PLEXUS_VERSION}\n`);
    return;
  }
  // Everything made here, the socket above all, is root's alone.
  process.umask(0o077);
  const config = values.config === undefined ? parseConfig("{}", "the defaults") : await loadConfig(values.config);
  if (values["export-multus"] === true) {
    await exportRecords(config);
    return;
  }
  const log = openLog({ level: config.logLevel, version: PLEXUS_VERSION, file: config.logFile ?? "" });
  // Listened for from the first moment: who is told to stop while it starts must not die half-way.
  const signalled = new Promise<string>((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, resolve);
  });
  for (const remark of remarks(config)) log.warn(remark);
  giveBackWhenIdle();
  const stop = await start(config, log);
  const signal = await signalled;
  log.info({ signal }, "stopping");
  await stop();
  log.info("stopped");
}

main(process.argv.slice(2)).then(
  () => {
    process.exit(0);
  },
  (thrown: unknown) => {
    const { message, details } = PlexusError.from(thrown);
    process.stderr.write(`plexus-daemon: ${message}${details === undefined ? "" : ` (${details})`}\n`);
    process.exit(1);
  },
);
