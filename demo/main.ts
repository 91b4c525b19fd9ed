/** Makes the namespaces in which demo/story.ts plays, and sees to it that they end. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HELP = `npm run demo: one pod, two networks, start to end

Starts the daemon, attaches a pod to its default network (bridge, portmap, bandwidth) and to a second one (flannel), looks at what came
of it, kills the daemon, and detaches the pod through a new one. Tells what it does, and shows that nothing is left.
Exit 0: all of that worked.

Needs root. Everything happens in network, mount and process namespaces that are gone when the demo ends, however it ends.
`;

/** It takes about two seconds. */
const deadlineMs = 60_000;

/** What the namespaces may take to end; then they are killed. */
const endMs = 5_000;

function play(): void {
  const root = join(import.meta.dirname, "..");
  const namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const child = spawn("unshare", [...namespaces, process.execPath, fileURLToPath(import.meta.resolve("./story.ts"))], {
    cwd: root,
    // Out of the terminal's reach: Ctrl-C comes here, and goes on from here in order.
    detached: true,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });

  let ending: { readonly reason: string; readonly status: number } | undefined;
  const end = (reason: string, status: number): void => {
    ending ??= { reason, status };
    if (child.connected) child.disconnect();
    setTimeout(() => child.kill("SIGKILL"), endMs).unref();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => end("interrupted", 128 + constants.signals[name]));
  }
  setTimeout(() => end(`not done after ${deadlineMs / 1000} seconds`, 1), deadlineMs).unref();

  child.once("error", (error) => {
    console.error(`demo: cannot make namespaces: ${error.message} (unshare comes with util-linux)`);
    process.exitCode = 1;
  });
  // By now the kernel has ended all that ran in the namespaces.
  child.once("exit", (status) => {
    if (ending !== undefined) console.error(`\ndemo: ${ending.reason}; nothing is left of it`);
    process.exitCode = ending?.status ?? status ?? 1;
  });
}

if (process.argv.includes("--help")) process.stdout.write(HELP);
else if (process.getuid?.() === 0) play();
else {
  console.error("demo: this needs root, for it makes network namespaces (sudo npm run demo)");
  process.exitCode = 1;
}
