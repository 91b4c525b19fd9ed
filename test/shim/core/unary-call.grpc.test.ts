import { connect } from "node:net";
import { join } from "node:path";
import { Metadata } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import { encodeRequest } from "../../../shim/core/cni-messages.ts";
import { UnaryCall } from "../../../shim/core/unary-call.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { startCniServer, type CniHandler } from "../cni-server.ts";

const environment = { containerId: "c1", netns: "/n", ifname: "eth0", args: "", path: "/p", netnsOverride: "" };
const echo: CniHandler = async (_method, call) => ({ result: call.request.config });

interface Conversation {
  readonly handle?: CniHandler;
  readonly config?: Uint8Array;
  /** How many bytes of the answer the call gets at a time; 0 for as many as come. */
  readonly pieces?: number;
  readonly path?: string;
}

/** Has a call talk to a real gRPC server until it has an outcome. */
async function converse({
  handle = echo,
  config = new Uint8Array(0),
  pieces = 0,
  path = "/plexus.v1.Cni/Add",
}: Conversation) {
  const socketPath = join(await temporaryDirectory(), "plexus.sock");
  const server = await startCniServer(socketPath, handle);
  onTestFinished(() => server.close());
  const call = new UnaryCall(path, encodeRequest(environment, config, "r1"), 5000);
  await new Promise<void>((resolve, reject) => {
    const socket = connect(socketPath);
    const flush = (): boolean => socket.write(Buffer.from(call.takeOutput()));
    socket.on("connect", flush);
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      const size = pieces === 0 ? chunk.length : pieces;
      for (let at = 0; at < chunk.length; at += size) call.receive(chunk.subarray(at, at + size));
      if (call.outcome === null) flush();
      else socket.destroy();
    });
    socket.on("close", () => {
      call.connectionEnded("closed");
      resolve();
    });
  });
  return call.outcome;
}

/** The bytes of a CniReply that holds this result. */
function replyLength(resultLength: number): number {
  const lengthBytes = Math.ceil(resultLength.toString(2).length / 7);
  return 1 + lengthBytes + resultLength;
}

describe("a call to a grpc-js server", () => {
  const config = Buffer.from(JSON.stringify({ name: "x".repeat(2000) }));

  it.each([{ pieces: 0 }, { pieces: 1 }, { pieces: 3 }, { pieces: 7 }])(
    "gets the answer, $pieces bytes at a time",
    async ({ pieces }) => {
      const outcome = await converse({ config, pieces });
      expect(outcome?.kind).toBe("answered");
      expect(outcome).toHaveProperty("message.length", replyLength(config.length));
    },
  );

  it.each([{ pieces: 0 }, { pieces: 3 }])("gets an answer of 1 MB, $pieces bytes at a time", async ({ pieces }) => {
    const outcome = await converse({ handle: async () => ({ result: Buffer.alloc(1 << 20, "x") }), pieces });
    expect(outcome).toHaveProperty("message.length", replyLength(1 << 20));
  });

  it("sends 3 MB as the windows open", async () => {
    const outcome = await converse({ config: Buffer.alloc(3_000_000, "y") });
    expect(outcome).toHaveProperty("message.length", replyLength(3_000_000));
  });

  it("reads headers that need CONTINUATION, and every character that a header may hold", async () => {
    const metadata = new Metadata();
    for (let i = 0; i < 400; i++) metadata.set(`x-key-${i}`, `value-${i}-${"z".repeat(50)}`);
    for (let i = 0x20; i < 0x7f; i++) metadata.set(`grpc-x-${i}`, `a${String.fromCharCode(i)}b`);
    const handle: CniHandler = async (_method, call) => {
      call.sendMetadata(metadata);
      return { result: Buffer.from("r") };
    };
    expect(await converse({ handle })).toHaveProperty("message.length", replyLength(1));
  });

  it("gets a status with its text", async () => {
    const text = 'délégate "b": 100% 🚀\nline 2';
    const handle: CniHandler = () => Promise.reject(Object.assign(new Error("refused"), { code: 9, details: text }));
    expect(await converse({ handle, pieces: 1 })).toEqual({ kind: "failed", status: 9, message: text });
  });

  it("gets a status that comes without any answer: there is no such method", async () => {
    expect(await converse({ path: "/plexus.v1.Cni/Nope" })).toMatchObject({ kind: "failed", status: 12 });
  });
});
