/**
 * Fuzzes the executable: random peers on the daemon's socket, random environments and network configurations.
 * Whatever it is given, it has to end by itself, with status 0, or with status 1 and a CNI error object on stdout.
 *
 *   node test/shim/binary/fuzz.ts [--seed N] [--peers N] [--inputs N] [--parallel N]
 *
 * Case number i of a run has the seed N + i, so a case that failed is repeated by its own seed and a count of 1.
 */
import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startCniServer } from "../cni-server.ts";
import { answer, frame, headerBlock, message, okHeaders, settings, trailers } from "../core/http2-peer.ts";
import { random, type Random } from "./random.ts";
import { startRawPeer } from "./raw-peer.ts";
import { cniErrorOf, runPlexus, type Ended, type Run } from "./run-plexus.ts";

export interface FuzzOptions {
  readonly seed: number;
  readonly count: number;
  /** How many cases run at a time. */
  readonly parallel: number;
}

/** How many runs ended with each status or error code, such as { "0": 3, "11": 7 }. */
export type Tally = Readonly<Record<string, number>>;

/** The executable must stop well before this, as no configuration here allows it more than half a second. */
const HANG_MS = 15_000;

/** Gives the executable a peer that answers anything. Throws, naming the seed, when a run ends as it must not. */
export async function fuzzPeers(options: FuzzOptions): Promise<Tally> {
  return inDirectory((directory) =>
    runCases("--peers", options, async (rnd) => {
      const daemonSocketDir = await mkdtemp(join(directory, "peer-"));
      const peer = await startRawPeer(join(daemonSocketDir, "plexus.sock"), peerTreatment(rnd));
      const settings = {
        daemonSocketDir,
        daemonSpoolDir: join(daemonSocketDir, "spool"),
        daemonWaitSeconds: rnd.pick([0, 0, 0.2]),
        daemonTimeoutSeconds: 0.5,
      };
      const padding = rnd.chance(0.1) ? "x".repeat(rnd.below(300_000)) : "";
      const stdin = JSON.stringify({ name: "n", cniVersion: "1.1.0", ...settings, padding });
      const env = { ...completeEnvironment, CNI_COMMAND: rnd.pick(["ADD", "DEL", "CHECK", "STATUS", "GC"]) };
      return runPlexus({ env, stdin, limitMs: HANG_MS }).finally(() => peer.close());
    }),
  );
}

/** Gives the executable any environment and any configuration. Throws, naming the seed, when a run ends as it must not. */
export async function fuzzInputs(options: FuzzOptions): Promise<Tally> {
  return inDirectory(async (directory) => {
    const server = await startCniServer(join(directory, "plexus.sock"), async (_method, call) => ({
      result: call.request.config,
    }));
    const dirs = [directory, join(directory, "absent")];
    return runCases("--inputs", options, async (rnd) => runPlexus(input(rnd, rnd.pick(dirs)))).finally(() =>
      server.close(),
    );
  });
}

async function inDirectory(work: (directory: string) => Promise<Tally>): Promise<Tally> {
  const directory = await mkdtemp(join(tmpdir(), "plexus-fuzz-"));
  return work(directory).finally(() => rm(directory, { recursive: true }));
}

async function runCases(kind: string, options: FuzzOptions, runCase: (rnd: Random) => Promise<Ended>): Promise<Tally> {
  const tally: Record<string, number> = {};
  let next = options.seed;
  const worker = async (): Promise<void> => {
    while (next < options.seed + options.count) {
      const seed = next++;
      const ended = await runCase(random(seed));
      try {
        const outcome = outcomeOf(ended);
        tally[outcome] = (tally[outcome] ?? 0) + 1;
      } catch (cause) {
        throw new Error(`fuzzing failed, repeat with --seed ${seed} ${kind} 1: ${(cause as Error).message}`, { cause });
      }
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, worker));
  return tally;
}

function outcomeOf(ended: Ended): string {
  if (ended.stderr !== "" && !ended.stderr.startsWith("meta-plugin")) throw new Error(`stderr: ${ended.stderr}`);
  return ended.status === 0 ? "0" : String(cniErrorOf(ended).code);
}

/** Sends random bytes, at once or when the request comes, whole or in pieces; then closes, resets or falls silent. */
function peerTreatment(rnd: Random): (socket: Socket) => void {
  const bytes = peerBytes(rnd);
  const cut = rnd.chance(0.3) ? rnd.below(bytes.length + 1) : bytes.length;
  const waits = rnd.chance(0.8);
  const ending = rnd.pick(["closes", "closes", "closes", "resets", "is silent"]);
  return (socket) => {
    const speak = (): void => {
      socket.write(bytes.subarray(0, cut));
      setImmediate(() => {
        socket.write(bytes.subarray(cut));
        if (ending === "closes") socket.end();
        if (ending === "resets") socket.destroy();
      });
    };
    if (waits) socket.once("data", speak);
    else speak();
    if (rnd.chance(0.9)) socket.resume();
  };
}

function peerBytes(rnd: Random): Buffer {
  const parts: Uint8Array[] = rnd.chance(0.85) ? [settings] : [];
  for (let i = rnd.below(6); i >= 0; i--) parts.push(peerPart(rnd));
  const bytes = Buffer.concat(parts);
  for (let i = rnd.chance(0.3) ? rnd.below(4) : 0; i > 0 && bytes.length > 0; i--)
    bytes[rnd.below(bytes.length)] = rnd.below(256);
  return bytes;
}

function peerPart(rnd: Random): Uint8Array {
  return rnd.pick<() => Uint8Array>([
    () => rnd.bytes(rnd.below(60)),
    () => anyFrame(rnd),
    () => anyFrame(rnd),
    () => okHeaders,
    () => message(cniReply(rnd)),
    () =>
      trailers(rnd.pick(["0", "0", "3", "14", "99", "-1", ""]), rnd.pick(["", "why", "%", "%F0%9F%9A%80", "%ff%fe"])),
    () =>
      frame(
        1,
        rnd.pick([0, 4, 5]),
        1,
        headerBlock([[rnd.pick([":status", "grpc-status", "x"]), rnd.pick(["200", "103", "é", ""])]]),
      ),
    () => answer(cniReply(rnd)).subarray(settings.length),
    () => answer(cniReply(rnd)),
    () => Buffer.from("HTTP/1.1 200 OK\r\n\r\n"),
  ])();
}

function anyFrame(rnd: Random): Uint8Array {
  const type = rnd.chance(0.95) ? rnd.below(11) : rnd.below(256);
  const flags = rnd.chance(0.7) ? rnd.pick([0, 1, 4, 5, 8, 9, 12, 13, 32, 37, 45]) : rnd.below(256);
  const stream = rnd.chance(0.9) ? rnd.below(2) : rnd.below(0x7fffffff);
  const length = rnd.pick([0, 4, 5, 6, 8, rnd.below(80), rnd.below(80), rnd.chance(0.05) ? 16_384 : 1]);
  return frame(type, flags, stream, rnd.bytes(length));
}

/** Bytes that are a CniReply, or almost. */
function cniReply(rnd: Random): Uint8Array {
  const field = (key: number, content: Uint8Array): Uint8Array =>
    Buffer.concat([Buffer.from([key, content.length]), content]);
  const error = Buffer.concat([
    Buffer.from([0x08, 1 + rnd.below(127)]),
    field(0x12, rnd.bytes(rnd.below(30))),
    field(0x1a, rnd.bytes(rnd.below(30))),
  ]);
  return rnd.pick([
    field(0x0a, rnd.bytes(rnd.below(100))),
    field(0x12, error),
    error,
    rnd.bytes(rnd.below(20)),
    Buffer.alloc(0),
  ]);
}

const completeEnvironment = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/var/run/netns/x",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "A=B",
  CNI_PATH: "/opt/cni/bin",
};

/** The directories and the times always come first and unharmed: a case must never meet a real daemon, leave it a DEL, or wait for it. */
function input(rnd: Random, daemonSocketDir: string): Run {
  const daemonSpoolDir = join(daemonSocketDir, "spool");
  const times = { daemonWaitSeconds: 0, daemonTimeoutSeconds: 0.5 };
  const first = JSON.stringify({ daemonSocketDir, daemonSpoolDir, ...times }).slice(0, -1);
  const env: Record<string, string> = { ...completeEnvironment };
  env["CNI_COMMAND"] = rnd.pick(["ADD", "DEL", "CHECK", "STATUS", "GC", "VERSION", "", "X", text(rnd)]);
  for (const name of Object.keys(env)) {
    if (name !== "CNI_COMMAND" && rnd.chance(0.1)) env[name] = rnd.pick(["", text(rnd), "x".repeat(rnd.below(5000))]);
  }
  const stdin = rnd.chance(0.1)
    ? rnd.bytes(rnd.below(200))
    : Buffer.concat([Buffer.from(`${first},`), configRest(rnd)]);
  const args = rnd.chance(0.05) ? [rnd.pick(["--version", "-h", text(rnd), ""])] : [];
  return { env, stdin, args, limitMs: HANG_MS };
}

function configRest(rnd: Random): Buffer {
  const config: Record<string, unknown> = {
    name: rnd.chance(0.9) ? "n" : rnd.pick(["", text(rnd), 1, null, []]),
    cniVersion: rnd.chance(0.8) ? "1.1.0" : rnd.pick(["0.4.0", "0.1.0", "", text(rnd), 1, null]),
    [text(rnd)]: text(rnd),
    nested: nested(rnd.below(50)),
  };
  const bytes = Buffer.from(JSON.stringify(config).slice(1));
  if (rnd.chance(0.05)) return Buffer.from("[".repeat(rnd.below(3000)));
  if (rnd.chance(0.03)) return Buffer.concat([Buffer.alloc(rnd.below(1_100_000), " "), bytes]);
  for (let i = rnd.chance(0.4) ? rnd.below(4) : 0; i > 0; i--) bytes[rnd.below(bytes.length)] = rnd.below(256);
  return rnd.chance(0.1) ? bytes.subarray(0, rnd.below(bytes.length)) : bytes;
}

function nested(levels: number): unknown {
  return levels === 0 ? 1 : [nested(levels - 1)];
}

/** Some text without NUL, which no environment can hold. */
function text(rnd: Random): string {
  const characters = [
    "a",
    "Z",
    "0",
    "-",
    ".",
    "/",
    ":",
    " ",
    "\t",
    "\n",
    '"',
    "\\",
    "é",
    "\u2003",
    "🚀",
    "\u0001",
    "\u007f",
  ];
  return Array.from({ length: rnd.below(20) }, () => rnd.pick(characters)).join("");
}

if (import.meta.main) {
  const number = { type: "string" } as const;
  const { values } = parseArgs({ options: { seed: number, peers: number, inputs: number, parallel: number } });
  const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
  const parallel = Number(values.parallel ?? 4);
  const report = (line: string): boolean => process.stdout.write(`${line}\n`);
  const bothUnsaid = values.peers === undefined && values.inputs === undefined;
  report(`seed ${seed}`);
  const peers = await fuzzPeers({ seed, count: Number(values.peers ?? (bothUnsaid ? 1000 : 0)), parallel });
  report(`peers: ${JSON.stringify(peers)}`);
  const inputs = await fuzzInputs({ seed, count: Number(values.inputs ?? (bothUnsaid ? 1000 : 0)), parallel });
  report(`inputs: ${JSON.stringify(inputs)}`);
}
