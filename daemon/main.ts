/** The composition root: reads the command line, puts the parts together, and ends them in order. */
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Logger, pino } from "pino";
import { systemClock } from "./adapters/clock/system-clock.ts";
import { confFiles } from "./adapters/conf-files/conf-files.ts";
import { openJournal } from "./adapters/journal/file-journal.ts";
import { type PluginHost, startLauncher } from "./adapters/launcher/launcher.ts";
import { legacyRecords } from "./adapters/legacy-records/legacy-records.ts";
import { becomeOnlyDaemon } from "./adapters/single-daemon/single-daemon.ts";
import { openSpool } from "./adapters/spool/spool-directory.ts";
import { makeStatusFiles } from "./adapters/status-files/status-files.ts";
import { type Config, loadConfig, parseConfig } from "./config/load.ts";
import { PlexusError } from "./domain/errors.ts";
import { makeAdd } from "./operations/add.ts";
import { makeCheck } from "./operations/check.ts";
import { makeDel } from "./operations/del.ts";
import { exportToMultus } from "./operations/export-to-multus.ts";
import { makeGc } from "./operations/gc.ts";
import { makeInspection } from "./operations/inspect.ts";
import { journalWithLegacy } from "./operations/journal-with-legacy.ts";
import { NetworkLanes } from "./operations/network-lanes.ts";
import { keepResuming, makeResume, type ResumeDeps, type ResumeReport } from "./operations/resume.ts";
import { makeConflistRunner } from "./operations/run-conflist.ts";
import { SandboxQueue } from "./operations/sandbox-queue.ts";
import { makeStatus } from "./operations/status.ts";
import type { Events } from "./ports/events.ts";
import type { Networks } from "./ports/networks.ts";
import type { Pods } from "./ports/pods.ts";
import type { StatusBoard } from "./ports/status-board.ts";
import { startServer } from "./server/server.ts";

const HELP = `plexus-daemon: attaches pods to several networks, for the CNI plugin "plexus" on the same node

usage: plexus-daemon [--config FILE] [--export-multus]

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
  const only = await becomeOnlyDaemon(config.stateDir, config.drainTimeoutMs + 5_000);
  const launcher = startLauncher({
    binary: join(HOME, "plexus-launcher"),
    host: pluginHost(config),
    maxRunning: config.maxRunningPlugins,
    pluginTimeoutMs: config.pluginTimeoutMs,
    maxOutputBytes: config.maxPluginOutputBytes,
    onRestart: (reason) => {
      log.error({ reason }, "the process that runs plugins ended; started another");
    },
  });
  const onDamaged = (problem: string): void => {
    log.warn({ problem }, "a record is damaged; DEL will work out anew what to take away");
  };
  const journal = journalWithLegacy(await openJournal(config.stateDir, onDamaged), legacyRecords(config), {
    searchPath: [config.binDir],
    onDamaged,
  });
  const source = await openSource(config, log);

  const conflists = makeConflistRunner(launcher.runner, systemClock, new NetworkLanes(config.maxRunningPerNetwork));
  const queue = new SandboxQueue(config.maxOperations);
  const deps = {
    conflists,
    queue,
    journal,
    ...source,
    links: launcher.links,
    routes: launcher.routes,
    confFiles,
    clock: systemClock,
    undoTimeoutMs: config.undoTimeoutMs,
  };
  const server = await startServer({
    operations: {
      add: makeAdd(deps),
      del: makeDel(deps),
      check: makeCheck(deps),
      status: makeStatus(deps),
      gc: makeGc(deps),
    },
    inspection: makeInspection(journal),
    log,
    node: config,
    operationTimeoutMs: config.operationTimeoutMs,
    newRequestId: randomUUID,
    socketDir: config.socketDir,
    protoDir: join(HOME, "proto"),
  });
  const resuming = await resumeBesideServing({ ...deps, node: config, directory: join(config.stateDir, "spool") }, log);
  log.info({ socket: server.socketPath, startMs: Math.round(process.uptime() * 1000) }, "ready");

  return async () => {
    await server.stop(AbortSignal.timeout(config.drainTimeoutMs));
    await resuming.stop();
    await source.close();
    await launcher.stop();
    await only.release();
  };
}

/** Finishes what was left unfinished, now and whenever something is; nobody waits for it. */
async function resumeBesideServing(
  deps: Omit<ResumeDeps, "spool"> & { readonly directory: string },
  log: Logger,
): Promise<{ stop(): Promise<void> }> {
  const spool = await openSpool({
    directory: deps.directory,
    onProblem: (problem) => {
      log.warn({ problem }, "a DEL that waits cannot be read");
    },
  });
  const stopping = new AbortController();
  const resume = makeResume({ ...deps, spool });
  const round = async (): Promise<ResumeReport> => {
    const report = await resume({
      signal: stopping.signal,
      trace: () => undefined,
      warn: (message) => {
        log.warn({ op: "RESUME" }, message);
      },
    });
    if (report.finished > 0 || report.owed > 0) log.info({ op: "RESUME", ...report }, "unfinished operations");
    return report;
  };
  const rounds = keepResuming(round, systemClock, (signal) => spool.awaitChange(signal), stopping.signal);
  return {
    async stop() {
      stopping.abort(new Error("the daemon is stopping"));
      await rounds;
      spool.close();
    },
  };
}

/** Where pods and networks come from, and where a pod's network status is shown. */
interface Source {
  readonly pods: Pods;
  readonly networks: Networks;
  readonly statusBoard: StatusBoard;
  readonly events: Events;
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
    // Manifests have been read once before anybody can ask.
    refuseUnlessSynced: () => undefined,
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
    refuseUnlessSynced: () => {
      const { pods, networks } = kubernetes.synced();
      if (pods && networks) return;
      throw new PlexusError("not-available", `the cluster's ${pods ? "networks" : "pods"} are not known yet`, {
        details: "they are being read from the API server; the daemon's log says if that goes wrong",
      });
    },
  };
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
  const log = pino({ level: config.logLevel, base: { version: PLEXUS_VERSION } });
  // Listened for from the first moment: who is told to stop while it starts must not die half-way.
  const signalled = new Promise<string>((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, resolve);
  });
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
