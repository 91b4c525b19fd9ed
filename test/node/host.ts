/**
 * A host of the test's own: a network namespace and a mount namespace. In it /run and /var/lib are empty, and /etc and
 * /opt take writes that stay inside. Programs find paths, bridges and iptables as on a fresh node, whatever the machine
 * has: the directories of Kubernetes, CNI and Plexus are not there, except the empty /var/lib/cni.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

export interface Host {
  /** Starts a command inside. Its process id is the command's own. */
  spawn(command: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess;
  /** Runs a command inside to its end. */
  run(command: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Like run, and rejects unless it ends with status 0. Resolves with what it printed. */
  sh(script: string): Promise<string>;
  write(path: string, content: string): Promise<void>;
  stop(): Promise<void>;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const MAKE_HOST = `
set -e
mount -t tmpfs scratch /mnt
mkdir /mnt/checkout /mnt/tmp
mount --bind "$1" /mnt/checkout
mount --bind "$2" /mnt/tmp
for dir in etc opt; do
  mkdir -p /mnt/$dir/upper /mnt/$dir/work
  mount -t overlay overlay -o lowerdir=/$dir,upperdir=/mnt/$dir/upper,workdir=/mnt/$dir/work /$dir
done
rm -rf /etc/cni /etc/plexus /etc/kubernetes /opt/cni
for dir in /run /var/lib; do mount -t tmpfs -o mode=755 tmpfs $dir; done
mkdir /var/lib/cni
# The checkout and the directory of temporary files may be where these mounts are now.
mkdir -p "$1" "$2"
mount --bind /mnt/checkout "$1"
mount --bind /mnt/tmp "$2"
umount /mnt/checkout /mnt/tmp
ip link set lo up
echo ready
exec sleep infinity`;

export async function makeHost(): Promise<Host> {
  const keeper = spawn("unshare", ["--mount", "--net", "sh", "-c", MAKE_HOST, "sh", here(), tmpdir()], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH },
  });
  const first = await Promise.race([once(keeper.stdout, "data"), once(keeper, "exit")]);
  if (String(first[0]) !== "ready\n") throw new Error("the test's own host could not be made");
  const inside = ["--target", String(keeper.pid), "--mount", "--net", "--"];

  const host: Host = {
    spawn: (command, env = {}) =>
      spawn("nsenter", [...inside, ...command], { stdio: ["ignore", "pipe", "pipe"], env: { PATH, ...env }, cwd: "/" }),
    async run(command, { env = {}, stdin = "" } = {}) {
      const child = spawn("nsenter", [...inside, ...command], { env: { PATH, ...env }, cwd: "/" });
      child.stdin.on("error", () => undefined).end(stdin);
      const [stdout, stderr, [status]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, "close") as Promise<[number | null]>,
      ]);
      return { status, stdout, stderr };
    },
    async sh(script) {
      const { status, stdout, stderr } = await host.run(["sh", "-c", script]);
      if (status !== 0) throw new Error(`${script}: ended with ${String(status)}: ${stderr}${stdout}`);
      return stdout;
    },
    async write(path, content) {
      const { status, stderr } = await host.run(
        ["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1.new" && mv "$1.new" "$1"', "sh", path],
        {
          stdin: content,
        },
      );
      if (status !== 0) throw new Error(`${path}: ${stderr}`);
    },
    async stop() {
      keeper.kill("SIGKILL");
      if (keeper.exitCode === null && keeper.signalCode === null) await once(keeper, "exit");
    },
  };
  return host;
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Returns a path of the checkout. It is the same inside the host. */
export function here(...parts: readonly string[]): string {
  return join(import.meta.dirname, "../..", ...parts);
}
