/** The unary server with the HTTP/2 client of Node, which is nghttp2. */
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type Settings } from "node:http2";
import { connect as connectSocket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { type EchoServer, serveEcho } from "./serve-echo.ts";

interface Reply {
  readonly status: string;
  readonly message: string;
  readonly http: number;
  readonly body: Buffer;
}

async function session({ socket }: EchoServer, settings: Settings = {}): Promise<ClientHttp2Session> {
  const made: ClientHttp2Session = connect("http://daemon", {
    createConnection: () => connectSocket(socket),
    settings,
  });
  made.on("error", () => undefined);
  onTestFinished(() => made.destroy());
  await once(made, "remoteSettings");
  return made;
}

function open(client: ClientHttp2Session, path: string, headers: object = {}): ClientHttp2Stream {
  const all = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", ...headers };
  return client.request(all).on("error", () => undefined);
}

function framed(message: Uint8Array, flag = 0, length = message.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flag);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

async function read(stream: ClientHttp2Stream): Promise<Reply> {
  let found: Record<string, unknown> = {};
  stream.on("response", (headers) => (found = { ...found, ...headers }));
  stream.on("trailers", (headers: object) => (found = { ...found, ...headers }));
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const { ":status": http, "grpc-status": status = "", "grpc-message": message = "" } = found;
  return { http: Number(http), status: String(status), message: String(message), body: Buffer.concat(chunks) };
}

async function call(client: ClientHttp2Session, path: string, body: Buffer, headers: object = {}): Promise<Reply> {
  const stream = open(client, path, headers);
  stream.end(body);
  return read(stream);
}

const text = (size: number): Buffer => Buffer.from("x".repeat(size));

describe("a unary server", () => {
  it.each([
    { what: "an empty message", size: 0, settings: {} },
    { what: "a message that spans frames", size: 40_000, settings: {} },
    { what: "messages larger than every window", size: 3_000_000, settings: {} },
    { what: "a client that grants 100 bytes at a time", size: 5_000, settings: { initialWindowSize: 100 } },
    { what: "a client with another table size", size: 10, settings: { headerTableSize: 0 } },
  ])("gives back $what", async ({ size, settings }) => {
    const client = await session(await serveEcho(), settings);
    const { status, body } = await call(client, "/Echo", framed(text(size)));
    expect({ status, body: body.equals(framed(text(size))) }).toEqual({ status: "0", body: true });
  });

  it("serves many calls at once on one connection, more than it grants at a time", async () => {
    const client = await session(await serveEcho());
    const sizes = Array.from({ length: 300 }, (_, index) => index * 100);
    const replies = await Promise.all(
      sizes.map((size) => call(client, "/Echo", framed(text(size)), { "x-size": size })),
    );
    expect(replies.map(({ body }) => body.length)).toEqual(sizes.map((size) => size + 5));
  });

  it("reads headers that take CONTINUATION frames, and again from its table", async () => {
    const client = await session(await serveEcho());
    const headers = { "x-long": "ü~".repeat(10_000), "x-short": "in the table" };
    for (let times = 0; times < 3; times++) {
      expect(await call(client, "/Echo", framed(text(1)), headers)).toMatchObject({ status: "0" });
    }
  });

  it.each([
    { what: "an unknown method", path: "/No", body: framed(text(1)), status: "12", message: "only Echo, Wait and Bug" },
    { what: "a compressed message", path: "/Echo", body: framed(text(1), 1), status: "12", message: "compressed" },
    { what: "two messages", path: "/Echo", body: Buffer.concat([framed(text(1)), framed(text(1))]), status: "13" },
    { what: "half a message", path: "/Echo", body: framed(text(1), 0, 2), status: "13", message: "no whole message" },
    { what: "no message", path: "/Echo", body: Buffer.alloc(0), status: "13", message: "no whole message" },
    { what: "a message above 16 MiB", path: "/Echo", body: framed(text(1), 0, (16 << 20) + 1), status: "8" },
    { what: "a bug", path: "/Bug", body: framed(text(1)), status: "13", message: "log has it" },
    { what: "a timeout of another form", headers: { "grpc-timeout": "1 day" }, status: "13", message: "grpc-timeout" },
    { what: "a passed deadline", path: "/Wait", headers: { "grpc-timeout": "20m" }, status: "4", message: "deadline" },
  ])("ends $what with status $status", async ({ path = "/Echo", body = framed(text(1)), headers, status, message }) => {
    const client = await session(await serveEcho());
    const reply = await call(client, path, body, headers);
    expect(reply).toMatchObject({ http: 200, status });
    expect(reply.message).toContain(message ?? "");
    expect(await call(client, "/Echo", framed(text(3)))).toMatchObject({ status: "0" });
  });

  it.each([
    { what: "GET", headers: { ":method": "GET" }, http: 405 },
    { what: "JSON", headers: { "content-type": "application/json" }, http: 415 },
  ])("answers $what with HTTP status $http", async ({ headers, http }) => {
    const client = await session(await serveEcho());
    expect(await read(open(client, "/Echo", headers))).toMatchObject({ http, status: "" });
  });

  it("refuses an unknown method before the request has ended, as streaming clients need", async () => {
    const stream = open(await session(await serveEcho()), "/No");
    expect(await read(stream)).toMatchObject({ status: "12" });
  });

  it("answers PING", async () => {
    const client = await session(await serveEcho());
    const payload = Buffer.from("12345678");
    const answer = await new Promise((resolve) => client.ping(payload, (_error, _ms, echoed) => resolve(echoed)));
    expect(answer).toEqual(payload);
  });

  it.each([
    { what: "cancels the call", end: (stream: ClientHttp2Stream) => stream.close(constants.NGHTTP2_CANCEL) },
    { what: "closes the connection", end: (stream: ClientHttp2Stream) => stream.session?.destroy() },
  ])("tells a method that its client $what", async ({ end }) => {
    const echo = await serveEcho();
    const stream = open(await session(echo), "/Wait");
    stream.end(framed(Buffer.from("w")));
    await echo.waits();
    end(stream);
    await expect.poll(() => echo.gone).toEqual(["w"]);
  });

  it("lets a call end after GOAWAY, takes no other, and closes", async () => {
    const echo = await serveEcho();
    const client = await session(echo);
    const stream = open(client, "/Wait", { "grpc-timeout": "200m" });
    stream.end(framed(text(1)));
    await echo.waits();
    const gone = once(client, "goaway");
    const closed = once(client, "close");
    echo.server.goAway();
    expect(await gone).toEqual([0, 1, undefined]);
    expect(await read(stream)).toMatchObject({ status: "4" });
    await closed;
  });
});
