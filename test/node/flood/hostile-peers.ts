/** Peers on the daemon's socket that mean no good. Most do their worst and go; those whose worst is to stay do so until the end. */
import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { frame, headerBlock } from "../../shim/core/http2-peer.ts";
import type { Random } from "../../shim/binary/random.ts";

export interface Scene {
  readonly socket: string;
  readonly rnd: Random;
  /** Raised when it is over. */
  readonly end: AbortSignal;
}

export interface Hostility {
  readonly what: string;
  readonly attack: (scene: Scene) => Promise<void>;
}

const METHODS = [
  ...["Add", "Del", "Check", "Status", "Gc"].map((method) => `/plexus.v1.Cni/${method}`),
  "/plexus.v1.Inspector/ListSandboxes",
  "/plexus.v1.Inspector/GetSandbox",
  "/grpc.health.v1.Health/Check",
  "/grpc.health.v1.Health/Watch",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/plexus.v1.Cni/Nothing",
];

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const SETTINGS = frame(4, 0, 0);
const GREETING = Buffer.concat([PREFACE, SETTINGS]);

const HTTP1 = [
  "GET / HTTP/1.1\r\nHost: node\r\n\r\n",
  "POST /plexus.v1.Cni/Add HTTP/1.1\r\nHost: node\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
  "GET / HTTP/1.1\r\nHost: node\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
  `GET / HTTP/1.1\r\nX: ${"x".repeat(100_000)}`,
];

/** How long a peer waits to be answered or thrown out. */
const PATIENCE_MS = 100;
const LARGE_BYTES = 20 << 20;
const CROWD = 100;
const QUEUE = 20;
const STREAMS = 200;

export const HOSTILITIES: readonly Hostility[] = [
  { what: "random bytes", attack: (scene) => say(scene, scene.rnd.bytes(scene.rnd.below(5_000))) },
  { what: "HTTP/1.1", attack: (scene) => say(scene, Buffer.from(scene.rnd.pick(HTTP1))) },
  {
    what: "broken HTTP/2 frames",
    attack: (scene) => say(scene, Buffer.concat([GREETING, ...brokenFrames(scene.rnd)])),
  },
  { what: "garbage for a message, to every method", attack: garbageToEveryMethod },
  { what: "a message of 20 MB", attack: largeMessage },
  { what: "connections opened and closed", attack: crowd },
  { what: "connections half open", attack: silence },
  { what: "headers that come byte by byte", attack: slowHeaders },
  { what: "streams opened and reset", attack: resets },
];

async function say({ socket, end }: Scene, bytes: Uint8Array): Promise<void> {
  const peer = open(socket);
  peer.write(bytes);
  await Promise.race([closed(peer), patience(end)]);
  peer.destroy();
}

/** Frames of any type on any stream, some of which claim to be of another length than they are. */
function brokenFrames(rnd: Random): readonly Uint8Array[] {
  return Array.from({ length: 1 + rnd.below(20) }, () => {
    const flags = rnd.pick([0, 1, 4, 5, 8, 13, 32, 37, rnd.below(256)]);
    const bytes = frame(rnd.below(12), flags, rnd.below(6), rnd.bytes(rnd.pick([0, 1, 4, 5, 6, 8, rnd.below(300)])));
    return rnd.chance(0.1) ? Buffer.concat([rnd.bytes(3), bytes.subarray(3)]) : bytes;
  });
}

async function garbageToEveryMethod({ socket, rnd, end }: Scene): Promise<void> {
  await withSession(socket, async (session) => {
    await Promise.all(
      METHODS.map(async (method) => {
        const stream = openStream(session, method);
        const message = rnd.bytes(rnd.below(400));
        const claimed = rnd.chance(0.7) ? message.length : rnd.below(1 << 24);
        stream.end(Buffer.concat([prefix(rnd.chance(0.1) ? 1 : 0, claimed), message]));
        await Promise.race([closed(stream), patience(end)]);
      }),
    );
  });
}

async function largeMessage({ socket, end }: Scene): Promise<void> {
  await withSession(socket, async (session) => {
    const stream = openStream(session, "/plexus.v1.Cni/Add");
    stream.end(Buffer.concat([prefix(0, LARGE_BYTES), Buffer.alloc(LARGE_BYTES)]));
    await Promise.race([closed(stream), raised(end)]);
  });
}

async function crowd({ socket }: Scene): Promise<void> {
  const peers = Array.from({ length: CROWD }, () => open(socket));
  await Promise.all(
    peers.map((peer) => Promise.race([new Promise((resolve) => peer.once("connect", resolve)), closed(peer)])),
  );
  for (const peer of peers) peer.destroy();
}

/** Some say nothing at all, some greet, and some have said all they will ever say. */
async function silence({ socket, end }: Scene): Promise<void> {
  const peers = Array.from({ length: CROWD }, () => open(socket));
  for (const [index, peer] of peers.entries()) {
    if (index % 3 === 1) peer.write(GREETING);
    if (index % 3 === 2) peer.end(GREETING);
  }
  await raised(end);
  for (const peer of peers) peer.destroy();
}

async function slowHeaders({ socket, end }: Scene): Promise<void> {
  const block = headerBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/plexus.v1.Cni/Add"],
    ["x", "x".repeat(10_000)],
  ]);
  // Without END_HEADERS: there is always more to come.
  const bytes = frame(1, 0, 1, block);
  const peers = Array.from({ length: QUEUE }, () => open(socket));
  for (const peer of peers) peer.write(GREETING);
  for (let at = 0; !end.aborted; at++) {
    for (const peer of peers) peer.write(bytes.subarray(at, at + 1));
    await pause(5, undefined, { signal: end }).catch(() => undefined);
  }
  for (const peer of peers) peer.destroy();
}

async function resets({ socket, rnd }: Scene): Promise<void> {
  await withSession(socket, async (session) => {
    for (let count = 0; count < STREAMS && !session.destroyed; count++) {
      const stream = openStream(session, rnd.pick(METHODS));
      stream.write(prefix(0, rnd.below(100)));
      stream.close(constants.NGHTTP2_CANCEL);
      if (count % 20 === 0) await pause(1);
    }
  });
}

function open(path: string): Socket {
  return connect({ path, allowHalfOpen: true })
    .on("error", () => undefined)
    .resume();
}

async function withSession(path: string, work: (session: ClientHttp2Session) => Promise<void>): Promise<void> {
  const session = connectHttp2("http://node", { createConnection: () => open(path) }).on("error", () => undefined);
  await work(session).catch(() => undefined);
  session.destroy();
}

function openStream(session: ClientHttp2Session, path: string): ClientHttp2Stream {
  const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
  return session
    .request(headers)
    .on("error", () => undefined)
    .resume();
}

/** What goes before a gRPC message. */
function prefix(compressed: number, length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(compressed);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** Also after an error. */
function closed(peer: Socket | ClientHttp2Stream): Promise<unknown> {
  return peer.closed ? Promise.resolve() : new Promise((resolve) => peer.once("close", resolve));
}

function patience(end: AbortSignal): Promise<unknown> {
  return pause(PATIENCE_MS, undefined, { signal: end }).catch(() => undefined);
}

async function raised(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
