/**
 * Tests on a real Kubernetes of one node.
 *
 *   node scripts/cluster/main.ts                  all of them, with an image built for it
 *   node scripts/cluster/main.ts NAME...          some of them; what is given goes to vitest; the image is the one that is there
 *   node scripts/cluster/main.ts up               the cluster alone, until it is interrupted
 *
 * Exit status 77: this machine cannot run it; the one line says why.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeTally, readReport } from "../vitest-report.ts";
import { cacheDirectory } from "./cache.ts";

const root = join(import.meta.dirname, "../..");
const cache = cacheDirectory();
const NOT_HERE = 77;
const TO_BE_MADE =
  "all components are real, and are made now, once, which takes some minutes: the control plane and the kubelet of Kubernetes " +
  "compiled from Debian's source package; etcd, containerd, runc, kubectl and busybox from Debian";

/** What is used of the machine beside what is built, and what has to work on it. */
const NEEDED = ["apt-get", "dpkg-deb", "openssl", "flock", "ip", "iptables-save", "nsenter", "unshare"];
const HAS_NAMESPACES = "unshare --mount --net --pid --fork --mount-proc mount --make-rshared /";

/** Why this machine cannot run it, if so. */
async function hindrance(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "it needs root, for it makes namespaces (sudo npm run test:cluster)";
  for (const command of NEEDED) {
    if ((await pass(["sh", "-c", `command -v ${command} >/dev/null`])) !== 0) return `there is no ${command}`;
  }
  return (await pass(["sh", "-c", HAS_NAMESPACES])) === 0 ? undefined : "namespaces cannot be made here (see above)";
}

/** E.g. "etcd-server 3.4.23", for all that is in the cache. */
async function versions(part: "debian" | "kubernetes"): Promise<string> {
  const lines = (await readFile(join(cache, part, "versions"), "utf8")).trim().split("\n");
  return lines.map((line) => line.replace(/^(\S+) (?:\d+:)?(?:.*really)?([\d.]+).*/, "$1 $2")).join(", ");
}

async function describeComponents(): Promise<string> {
  const [compiled, packaged] = await Promise.all([versions("kubernetes"), versions("debian")]);
  return `all components are real: ${compiled}, compiled from Debian's source package; ${packaged} from Debian`;
}

/** Runs a command with our own streams. Who ends us ends it, and it takes down what it made. Resolves with its exit status. */
async function pass(command: readonly string[]): Promise<number> {
  const [name = "", ...args] = command;
  const child = spawn(name, args, { cwd: root, stdio: "inherit" });
  const end = (): void => void child.kill();
  process.on("SIGTERM", end);
  const [status] = (await once(child, "exit")) as [number | null];
  process.off("SIGTERM", end);
  return status ?? 1;
}

function notRun(reason: string): number {
  console.log(`NOT RUN: the tests on a real Kubernetes (test/cluster/): ${reason}`);
  return NOT_HERE;
}

async function main(args: readonly string[]): Promise<number> {
  const reason = await hindrance();
  if (reason !== undefined) return notRun(reason);
  const before = await describeComponents().catch(() => undefined);
  console.log(before === undefined ? TO_BE_MADE : `${before}; cached`);
  const prepared = await pass(["sh", "scripts/cluster/prepare.sh", cache]);
  if (prepared === NOT_HERE) return notRun("its components could not be fetched (see above)");
  if (prepared !== 0) return prepared;
  if (before === undefined) console.log(await describeComponents());
  if (args[0] === "up") return pass([process.execPath, "test/cluster/up.ts"]);
  const image = args.length === 0 ? await pass(["sh", "scripts/image/build.sh"]) : 0;
  return image === 0 ? test(args) : image;
}

/** Ends with the tally alone on a line, as npm test does. */
async function test(args: readonly string[]): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "plexus-cluster-"));
  try {
    const file = join(directory, "report.json");
    const reporters = ["--reporter=verbose", "--reporter=json", `--outputFile.json=${file}`];
    const vitest = ["node_modules/.bin/vitest", "run", "--config", "vitest.cluster.config.ts"];
    const status = await pass([...vitest, ...reporters, ...args]);
    const report = await readFile(file, "utf8").catch(() => "{}");
    const tally = readReport({ report, ok: status === 0, output: "", maySkip: args.length > 0 });
    console.log(`\n${describeTally(tally)}`);
    return tally.failed === 0 ? 0 : 1;
  } finally {
    await rm(directory, { recursive: true });
  }
}

// The terminal tells the command itself.
process.on("SIGINT", () => undefined);
process.exitCode = await main(process.argv.slice(2));
