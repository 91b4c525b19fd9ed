/** `plexus-daemon install` and `plexus-daemon uninstall`: what the image does to a node before and after the daemon. A bundle of its own. */
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parseConfig } from "./config/load.ts";
import { runtimeConfOf } from "./config/runtime-conf.ts";
import { PlexusError } from "./domain/errors.ts";
import { refuseForeignExecutable } from "./install/elf-machine.ts";
import { EXECUTABLE, installExecutables } from "./install/executables.ts";
import { serveWithoutConf } from "./install/serving-daemon.ts";
import { type Places, uninstall, uninstallWhenIdle } from "./install/uninstall.ts";

const NODE_BIN = "/host/opt/cni/bin";

const INSTALL_HELP = `plexus-daemon install: copies the CNI plugin "plexus" to the node

usage: plexus-daemon install [--to DIR] [--as NAME]...

  --to DIR    the container runtime's plugin directory, as it is mounted here (default: ${NODE_BIN})
  --as NAME   also under this name, for network configs of another type: multus-shim, multus. May be repeated.
              A program that has the name is kept as NAME.before-plexus, and put back by uninstall.
  --help      print this and exit

The file is replaced at once: who starts it gets the old or the new one, whole. Who runs the old one keeps it. An older image puts the
older executable back. Nothing is written when nothing changes. Exit 1: it could not be done, and what was there still is.
`;

const UNINSTALL_HELP = `plexus-daemon uninstall: puts the node back as it was before Plexus

usage: plexus-daemon uninstall [--config FILE] [--from DIR] [--wait | --force]

  --config FILE  the daemon's settings, which say where things are; without it every setting has its default
  --from DIR     the container runtime's plugin directory, as it is mounted here (default: ${NODE_BIN})
  --wait         in place of the daemon: take the network config away, so that new pods are no longer Plexus', serve the pods that are
                 attached until they are gone, then remove the rest
  --force        also while pods are attached, and with no daemon: what becomes of them is in docs/install.md, Uninstall
  --help         print this and exit

Removes the network config that the daemon wrote, the executables (programs that had their names before are put back), the socket and the state directory.
Without --wait and --force it refuses while the daemon runs or something is attached, and touches nothing then.
To hand what is attached to Multus instead: plexus-daemon --export-multus.
`;

/** The executable, the launcher, the daemon and this are installed side by side. */
const HOME = dirname(fileURLToPath(import.meta.url));

const help = { help: { type: "boolean" } } as const;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function install(args: string[]): Promise<void> {
  const options = { to: { type: "string" }, as: { type: "string", multiple: true }, ...help } as const;
  const { values } = parseArgs({ args, options });
  if (values.help === true) {
    process.stdout.write(INSTALL_HELP);
    return;
  }
  const file = join(HOME, EXECUTABLE);
  const content = await readFile(file);
  refuseForeignExecutable(content, file, process.arch);
  const names = [EXECUTABLE, ...(values.as ?? []).map(pluginName)];
  await installExecutables(values.to ?? NODE_BIN, names, content, (await stat(file)).mode & 0o777, say);
}

function pluginName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/.test(name)) return name;
  throw new PlexusError("invalid-config", `--as ${name}: not the name of a plugin`, {
    details: "the type of a network config, such as multus-shim",
  });
}

async function remove(args: string[]): Promise<void> {
  const options = {
    config: { type: "string" },
    from: { type: "string" },
    wait: { type: "boolean", default: false },
    force: { type: "boolean", default: false },
    ...help,
  } as const;
  const { values } = parseArgs({ args, options });
  if (values.help === true) {
    process.stdout.write(UNINSTALL_HELP);
    return;
  }
  if (values.wait && values.force) throw new PlexusError("invalid-config", "--wait and --force exclude each other");
  const text = values.config === undefined ? "{}" : await readFile(values.config, "utf8");
  const config = parseConfig(text, values.config ?? "the defaults");
  const { directory, fileName: conf } = runtimeConfOf(config) ?? {
    directory: config.cniConfigDir,
    fileName: config.cniConfigFile,
  };
  const places: Places = { ...config, binDir: values.from ?? NODE_BIN, confFile: join(directory, conf) };
  if (!values.wait) {
    await uninstall(places, values.force, say);
    return;
  }
  const stopping = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => {
      stopping.abort(new PlexusError("try-again-later", `told to stop by ${name} before the node was idle`));
    });
  }
  await uninstallWhenIdle(
    places,
    () => serveWithoutConf(join(HOME, "plexus-daemon"), text, say, stopping.signal),
    say,
    stopping.signal,
  );
}

async function main([command, ...args]: readonly string[]): Promise<void> {
  if (command === "install") await install(args);
  else if (command === "uninstall") await remove(args);
  else throw new PlexusError("invalid-config", "usage: plexus-daemon install|uninstall --help");
}

const [, , ...argv] = process.argv;
main(argv).then(
  () => {
    process.exit(0);
  },
  (thrown: unknown) => {
    const { message, details } = PlexusError.from(thrown);
    process.stderr.write(`plexus-daemon ${argv[0] ?? ""}: ${message}${details === undefined ? "" : ` (${details})`}\n`);
    process.exit(1);
  },
);
