/**
 * The virtual machine as the host of a test: its whole network is the tests'. Commands run as they
 * are, without namespaces of their own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Host } from "../node/host.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a test leaves of a node, in directories whose contents are the guest's own. */
const LEFT =
  "/var/lib/cni/* /var/lib/plexus/* /var/lib/kubelet/* /etc/cni/* /etc/plexus/* /opt/cni/* /run/plexus /run/flannel";

/** The guest, with nothing left of the test before. */
export async function makeGuest(): Promise<Host> {
  const guest: Host = {
    spawn: (command, env = {}) => {
      const [program = "", ...args] = command;
      return spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { PATH, ...env }, cwd: "/" });
    },
    async run(command, { env = {}, stdin = "" } = {}) {
      const [program = "", ...args] = command;
      const child = spawn(program, args, { env: { PATH, ...env }, cwd: "/" });
      child.stdin.on("error", () => undefined).end(stdin);
      const printed = { stdout: "", stderr: "" };
      for (const name of ["stdout", "stderr"] as const) {
        child[name].setEncoding("utf8").on("data", (text: string) => (printed[name] += text));
      }
      const [status] = (await once(child, "close")) as [number | null];
      return { status, ...printed };
    },
    async sh(script) {
      const { status, stdout, stderr } = await guest.run(["sh", "-c", script]);
      if (status !== 0) throw new Error(`${script}: ended with ${String(status)}: ${stderr}${stdout}`);
      return stdout;
    },
    async write(path, content) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.new`, content);
      await rename(`${path}.new`, path);
    },
    stop: async () => {
      await guest.sh(`ip -all netns delete; rm -rf ${LEFT}`);
    },
  };
  await guest.stop();
  return guest;
}
