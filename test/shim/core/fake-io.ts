import { FAILED, INTERRUPTED, TIMED_OUT, type Connecting, type ShimIo } from "../../../shim/core/shim-io.ts";
import { fakeDisk, type FakeDisk } from "./fake-disk.ts";

/** What happens when the shim connects: it cannot, or there is a peer that sends these bytes and closes or falls silent. */
export type Connection =
  Connecting | { readonly sends: Uint8Array; readonly then: "closes" | "is silent"; readonly sendFault?: string };

export interface World {
  readonly firstArgument?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  readonly stdinFault?: string;
  readonly stdoutFault?: string;
  /** One connection after the other; the last one repeats. */
  readonly connections?: readonly Connection[];
  readonly disk?: FakeDisk;
}

export interface FakeIo extends ShimIo {
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly connectedTo: readonly string[];
  readonly sent: () => Buffer;
}

/** An operating system in which time passes only while somebody waits, and in which signals interrupt every third call. */
export function fakeIo(world: World): FakeIo {
  let now = 1000;
  let stdout = "";
  let stderr = "";
  let pending: Uint8Array = new Uint8Array(0);
  let connection: Connection = { result: "absent", fault: "nobody there" };
  const connectedTo: string[] = [];
  const sent: Uint8Array[] = [];
  const connections = world.connections ?? [];
  let calls = 0;
  const interrupted = (): boolean => ++calls % 3 === 0;
  return {
    firstArgument: world.firstArgument ?? "",
    version: "1.2.3",
    requestId: "77-1",
    startedAt: 1_700_000_000_000,
    env: (name) => world.env?.[name] ?? "",
    readStdin: () => ({ bytes: Buffer.from(world.stdin ?? ""), fault: world.stdinFault ?? "" }),
    writeStdout: (bytes) => {
      stdout += Buffer.from(bytes).toString();
      return world.stdoutFault ?? "";
    },
    writeStderr: (bytes) => {
      stderr += Buffer.from(bytes).toString();
      return "";
    },
    now: () => now,
    sleep: (ms) => {
      now += ms;
    },
    connect: (path) => {
      connection = connections[Math.min(connectedTo.length, connections.length - 1)] ?? connection;
      connectedTo.push(path);
      if (!("sends" in connection)) return connection;
      pending = connection.sends;
      return { result: "connected", fault: "" };
    },
    send: (bytes) => {
      if (interrupted()) return INTERRUPTED;
      if ("sends" in connection && connection.sendFault !== undefined) return FAILED;
      const count = Math.min(bytes.length, 1000);
      sent.push(bytes.slice(0, count));
      return count;
    },
    receive: (into, timeoutMs) => {
      if (interrupted()) return INTERRUPTED;
      const count = Math.min(into.length, pending.length, 5);
      into.set(pending.subarray(0, count));
      pending = pending.subarray(count);
      if (count > 0 || !("sends" in connection) || connection.then === "closes") return count;
      now += timeoutMs;
      return TIMED_OUT;
    },
    lastFault: () => ("sends" in connection ? (connection.sendFault ?? "") : ""),
    disk: world.disk ?? fakeDisk(),
    stdout: () => stdout,
    stderr: () => stderr,
    connectedTo,
    sent: () => Buffer.concat(sent),
  };
}
