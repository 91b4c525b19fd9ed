/**
 * A host of the test's own: a network namespace and a mount namespace in which /run is empty and /etc, /var/lib and /opt take writes that
 * nobody else sees. What runs in it finds paths, bridges and iptables as on a fresh node, and the machine stays as it was.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
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
for dir in etc var/lib opt; do
  mkdir -p /mnt/$dir/upper /mnt/$dir/work
  mount -t overlay overlay -o lowerdir=/$dir,upperdir=/mnt/$dir/upper,workdir=/mnt/$dir/work /$dir
done
mount -t tmpfs run /run
ip link set lo up
echo ready
exec sleep infinity`;

export async function makeHost(): Promise<Host> {
  const keeper = spawn("unshare", ["--mount", "--net", "sh", "-c", MAKE_HOST], {
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

/** A path of the checkout, as it is inside too. */
export function here(...parts: readonly string[]): string {
  return join(import.meta.dirname, "../..", ...parts);
}
