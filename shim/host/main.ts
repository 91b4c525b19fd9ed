/**
 * The shim on Linux: ShimIo bound straight to libc, by the manifest ffi.json. `bytes` in it are passed as pointer and length.
 * The numbers below are the same on amd64 and arm64. This file exists only compiled; nothing in it can run under Node.
 */
import { ByteWriter } from "../core/bytes.ts";
import { FAILED, INTERRUPTED, TIMED_OUT, type Connecting, type ShimIo } from "../core/shim-io.ts";
import { runShim } from "../core/shim.ts";
import { toUtf8, wellFormed } from "../core/utf8.ts";
import { errnoText, INTERRUPTED_CALL, readStdin, sleep, WOULD_BLOCK, writeAll } from "./descriptors.ts";
import { systemDisk } from "./system-disk.ts";

declare function socketOpen(domain: number, type: number, protocol: number): number;
declare function socketConnect(fd: number, address: Uint8Array): number;
declare function socketSend(fd: number, bytes: Uint8Array, flags: number): number;
declare function socketReceive(fd: number, into: Uint8Array, flags: number): number;
declare function socketOption(fd: number, level: number, option: number, value: Uint8Array): number;
declare function fileClose(fd: number): number;
declare function setSignalAction(signal: number, action: number): number;

/** build.sh puts the version of the project here. */
const VERSION = "unreleased";

const STDOUT = 1;
const STDERR = 2;
const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 0x80001;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const MSG_NOSIGNAL = 0x4000;
const SIGPIPE = 13;
const SIG_IGN = 1;

const NOBODY_THERE: readonly string[] = ["No such file or directory", "Connection refused", WOULD_BLOCK];

let socket = -1;
let fault = "";

function connect(path: string, timeoutMs: number): Connecting {
  if (socket >= 0) fileClose(socket);
  socket = socketOpen(AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
  if (socket < 0) return { result: "failed", fault: errnoText() };
  // A full backlog makes connect() wait, as long as a send may.
  setSocketTimeout(SO_SNDTIMEO, timeoutMs);
  if (socketConnect(socket, unixAddress(path)) === 0) return { result: "connected", fault: "" };
  const problem = errnoText();
  return { result: NOBODY_THERE.includes(problem) ? "absent" : "failed", fault: problem };
}

/** struct sockaddr_un: the family as a 16-bit number, the path, a NUL. */
function unixAddress(path: string): Uint8Array {
  const address = new ByteWriter(110);
  address.u8(AF_UNIX);
  address.u8(0);
  address.bytes(toUtf8(path));
  address.u8(0);
  return address.view();
}

function setSocketTimeout(option: number, ms: number): void {
  socketOption(socket, SOL_SOCKET, option, timeval(Math.max(1, Math.ceil(ms))));
}

/** struct timeval: seconds and microseconds as 64-bit numbers, little-endian. */
function timeval(ms: number): Uint8Array {
  const value = new Uint8Array(16);
  writeLittleEndian(value, 0, Math.floor(ms / 1000));
  writeLittleEndian(value, 8, (ms % 1000) * 1000);
  return value;
}

function writeLittleEndian(into: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) into[at + i] = (value >>> (8 * i)) & 0xff;
}

function send(bytes: Uint8Array, timeoutMs: number): number {
  setSocketTimeout(SO_SNDTIMEO, timeoutMs);
  const count = socketSend(socket, bytes, MSG_NOSIGNAL);
  return count >= 0 ? count : socketFault(errnoText());
}

function receive(into: Uint8Array, timeoutMs: number): number {
  setSocketTimeout(SO_RCVTIMEO, timeoutMs);
  const count = socketReceive(socket, into, 0);
  return count >= 0 ? count : socketFault(errnoText());
}

function socketFault(problem: string): number {
  if (problem === WOULD_BLOCK) return TIMED_OUT;
  if (problem === INTERRUPTED_CALL) return INTERRUPTED;
  fault = problem;
  return FAILED;
}

// Writing to a runtime that has gone is an error to be handled, not the end of the process.
setSignalAction(SIGPIPE, SIG_IGN);

const startedAt = Date.now();

const io: ShimIo = {
  firstArgument: process.argv[2] ?? "",
  version: VERSION,
  requestId: `${process.pid}-${startedAt}`,
  startedAt,
  env: (name: string): string => wellFormed(process.env[name] ?? ""),
  readStdin,
  writeStdout: (bytes: Uint8Array): string => writeAll(STDOUT, bytes),
  writeStderr: (bytes: Uint8Array): string => writeAll(STDERR, bytes),
  now: (): number => performance.now(),
  sleep,
  connect,
  send,
  receive,
  lastFault: (): string => fault,
  disk: systemDisk,
};

process.exit(runShim(io));
