/** The daemon's command line. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openLog } from "./adapters/log/log.ts";
import { giveBackWhenIdle } from "./adapters/memory/give-back-when-idle.ts";
import { exportRecords } from "./compose/export-records.ts";
import { start } from "./compose/start.ts";
import { type Config, loadConfig, parseConfig } from "./config/load.ts";
import { PlexusError } from "./domain/errors.ts";

const HELP = `plexus-daemon: attaches pods to several networks, for the CNI plugin "plexus" on the same node

usage: plexus-daemon [--config FILE] [--export-multus]
       plexus-daemon install|uninstall --help

  --config FILE   settings, a JSON object; without it every setting has its default (docs/configuration.md)
  --export-multus with no daemon running: note down for Multus what is attached, so that it can take the node back, and exit
  --version       print the version and exit
  --help          print this and exit

Must run as root. Serves the executable on <socketDir>/plexus.sock (default /run/plexus/plexus.sock) and operators on
plexus-operator.sock beside it, logs JSON lines to standard output.
SIGTERM, SIGINT and SIGHUP: finish what is under way, then exit 0. Exit 1: it could not start; the last line says why.
Look inside:  grpcurl -plaintext -unix /run/plexus/plexus-operator.sock plexus.v1.Inspector/ListSandboxes
`;

/** esbuild puts the version of package.json here. */
declare const PLEXUS_VERSION: string;

/** The bundle, the launcher and the protos are installed side by side. */
const HOME = dirname(fileURLToPath(import.meta.url));

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
    process.stdout.write(`${await exportRecords(config, HOME)} sandboxes noted down in ${config.multusDir}\n`);
    return;
  }
  const log = openLog({ level: config.logLevel, version: PLEXUS_VERSION, file: config.logFile ?? "" });
  // Listened for from the first moment: who is told to stop while it starts must not die half-way.
  const signalled = new Promise<string>((resolve) => {
    for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(name, resolve);
  });
  for (const remark of remarks(config)) log.warn(remark);
  giveBackWhenIdle();
  const stop = await start(config, { log, home: HOME, version: PLEXUS_VERSION });
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
