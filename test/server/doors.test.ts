import { once } from "node:events";
import { chmod, stat, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { PlexusError } from "../../daemon/domain/errors.ts";
import { JsonObject } from "../../daemon/domain/json/json-object.ts";
import type { HotPlugOperations, HotPlugRequest } from "../../daemon/operations/verbs/hot-plug.ts";
import { type Condition, makeReadiness, noProblem } from "../../daemon/operations/observability/readiness.ts";
import type { Scope } from "../../daemon/operations/scope.ts";
import { NO_METERS } from "../../daemon/ports/meters.ts";
import { type DoorOptions, openDoors } from "../../daemon/server/doors.ts";
import { listenOnPort, listenOnSocket } from "../../daemon/server/listen.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { http, type HttpAnswer } from "./http-client.ts";

const CONF = '{"cniVersion":"1.0.0","name":"hot","type":"macvlan"}';

interface Seen {
  readonly asked: string[];
  readonly requests: HotPlugRequest[];
  readonly answered: string[];
  readonly lines: Record<string, unknown>[];
}

async function doors(parts: Partial<DoorOptions> = {}, delegate: Partial<HotPlugOperations> = {}) {
  const directory = await temporaryDirectory();
  const seen: Seen = { asked: [], requests: [], answered: [], lines: [] };
  const ask =
    (verb: string) =>
    async (request: HotPlugRequest): Promise<void> => {
      seen.asked.push(`${verb} ${request.sandbox} ${request.ifName}`);
      seen.requests.push(request);
    };
  const socket = join(directory, "run", "multus.sock");
  const options: DoorOptions = {
    log: pino(
      { base: null },
      { write: (line: string) => seen.lines.push(JSON.parse(line) as Record<string, unknown>) },
    ),
    meters: { ...NO_METERS, answered: (...what) => void seen.answered.push(what.join(" ")) },
    operationTimeoutMs: 5_000,
    newRequestId: () => "made-up",
    node: { binDir: "/opt/cni/bin", overlay: JsonObject.empty },
    readiness: makeReadiness({}),
    open: () => undefined,
    alive: () => undefined,
    metrics: undefined,
    probes: undefined,
    multusSocket: socket,
    delegate: {
      add: async (request) => {
        await ask("ADD")(request);
        return '{"cniVersion":"1.1.0","ips":[]}';
      },
      del: ask("DEL"),
      check: ask("CHECK"),
      status: ask("STATUS"),
      ...delegate,
    },
    ...parts,
  };
  const listening = await openDoors(options);
  onTestFinished(() => listening.stop(AbortSignal.abort()));
  return { ...seen, socket, stop: (hurry: AbortSignal) => listening.stop(hurry), options };
}

const ENV = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "abc",
  CNI_NETNS: "/run/netns/pod",
  CNI_IFNAME: "net7",
  CNI_ARGS: "IgnoreUnknown=true;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=uid-1",
};

function call(env: Readonly<Record<string, string | undefined>> = {}, more: object = {}): string {
  return JSON.stringify({ env: { ...ENV, ...env }, config: Buffer.from(CONF).toString("base64"), ...more });
}

/** As multus-dynamic-networks-controller asks. */
const delegate = (socket: string, body: string): Promise<HttpAnswer> => http(socket, "/delegate", { body });

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe("Multus' socket", () => {
  it("is root's alone, as is its directory", async () => {
    const { socket } = await doors();
    const modes = await Promise.all([join(socket, ".."), socket].map(async (path) => (await stat(path)).mode & 0o777));
    expect(modes).toEqual([0o700, 0o600]);
  });

  it("lets others into a directory that was there before, for it may be everybody's", async () => {
    const directory = await temporaryDirectory();
    await chmod(directory, 0o755);
    await doors({ multusSocket: join(directory, "multus.sock") });
    expect((await stat(directory)).mode & 0o777).toBe(0o755);
  });

  it("takes the place of a dead one, and goes when it is stopped, but its successor's stays", async () => {
    const first = await doors();
    await first.stop(AbortSignal.abort());
    await expect(stat(first.socket)).rejects.toThrow("ENOENT");
    await writeFile(first.socket, "");
    const second = await openDoors(first.options);
    const third = await openDoors(first.options);
    await second.stop(AbortSignal.abort());
    expect(await http(first.socket, "/healthz")).toMatchObject({ status: 200 });
    await third.stop(AbortSignal.abort());
  });

  it("cannot be made where there is no directory to be made, and says where", async () => {
    const file = join(await temporaryDirectory(), "file");
    await writeFile(file, "");
    await expect(doors({ multusSocket: join(file, "run", "m.sock") })).rejects.toThrow(/cannot listen on .*m\.sock/);
  });
});

describe("what Multus' socket answers", () => {
  it.each([
    {
      why: "what is not there (T294)",
      path: "/nowhere",
      method: "GET",
      status: 404,
      body: "",
      counted: "NotFound GET 404",
    },
    {
      why: "the wrong method (T294)",
      path: "/cni",
      method: "GET",
      status: 405,
      body: "Method not allowed\n",
      counted: "/cni GET 405",
    },
    {
      why: "whether it lives",
      path: "/healthz?x=1",
      method: "GET",
      status: 200,
      body: "",
      counted: "/healthz GET 200",
    },
    {
      why: "whether it is ready",
      path: "/readyz",
      method: "POST",
      status: 200,
      body: "ready\n",
      counted: "/readyz POST 200",
    },
  ])("$why: $status", async ({ path, method, status, body, counted }) => {
    const { socket, answered } = await doors();
    expect(await http(socket, path, { method })).toMatchObject({ status, body });
    expect(answered).toEqual([counted]);
  });

  it("Multus' executable: that it is not the right one", async () => {
    const { socket } = await doors();
    const { status, body } = await http(socket, "/cni", { body: call() });
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ code: 1, details: expect.stringContaining('"type": "plexus"') });
  });

  it("the obstacles to being ready, and 500 (T273)", async () => {
    const readiness = makeReadiness({ open: noProblem(() => "the daemon is stopping", "another comes") });
    const { socket } = await doors({ readiness });
    expect(await http(socket, "/readyz")).toMatchObject({
      status: 500,
      body: "open: the daemon is stopping (another comes)\n",
    });
    expect(await http(socket, "/healthz")).toMatchObject({ status: 200 });
  });

  it("whoever asks how things are, without waiting for what else he sends", async () => {
    const { socket } = await doors();
    const peer = connect(socket);
    peer.write(`GET /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: ${String(2 << 20)}\r\n\r\n`);
    const [first] = (await once(peer, "data")) as [Buffer];
    expect(first.toString()).toContain("HTTP/1.1 200");
    peer.destroy();
  });

  // Any process of the node can do this, and the kubelet's probes must go on (issue 11).
  it.each([
    { who: "say nothing", first: "" },
    { who: "send a head that does not end", first: "GET /healthz HTTP/1.1\r\nhost: a\r\n" },
    { who: "send a body that does not end", first: "POST /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n" },
  ])("300 peers who $who, and others beside them", async ({ first }) => {
    const { socket } = await doors();
    const slow = Array.from({ length: 300 }, () => connect(socket));
    onTestFinished(() => slow.forEach((peer) => peer.destroy()));
    const ends = slow.map((peer) => {
      peer.on("error", () => undefined);
      peer.write(first);
      return once(peer, "close");
    });
    await ends[0];
    for (let time = 0; time < 10; time++) expect(await http(socket, "/healthz")).toMatchObject({ status: 200 });
  });

  it("no endless bodies", async () => {
    const { socket, asked } = await doors();
    expect(await delegate(socket, " ".repeat((2 << 20) + 1))).toMatchObject({ status: 413 });
    expect(asked).toEqual([]);
  });
});

describe("/delegate", () => {
  it("ADD answers with the result, as Multus wraps it", async () => {
    const { socket, requests, lines } = await doors();
    const interfaceAttributes = {
      ips: ["10.1.1.5/24"],
      mac: "02:00:00:00:00:07",
      "cni-args": { big: 12345678901234567890n.toString() },
    };
    const answer = await delegate(socket, call({}, { interfaceAttributes }));
    expect(answer).toMatchObject({ status: 200, body: '{"Result":{"cniVersion":"1.1.0","ips":[]}}' });
    expect(requests).toMatchObject([
      {
        sandbox: "abc",
        netns: "/run/netns/pod",
        ifName: "net7",
        args: { pod: { namespace: "shop", name: "web" } },
        searchPath: ["/opt/cni/bin"],
        source: {
          network: "hot",
          selection: { ips: ["10.1.1.5/24"], mac: "02:00:00:00:00:07", cniArgs: '{"big":"12345678901234567890"}' },
        },
      },
    ]);
    expect(lines).toMatchObject([{ op: "DELEGATE_ADD", sandbox: "abc", ifName: "net7", msg: "done" }]);
  });

  it("keeps what goes on to plugins as it was written", async () => {
    const { socket, requests } = await doors();
    const body = call().replace(/\}$/, ',"interfaceAttributes":{"cni-args": {"n": 12345678901234567890}}}');
    await delegate(socket, body);
    expect(requests).toMatchObject([{ source: { selection: { cniArgs: '{"n": 12345678901234567890}' } } }]);
  });

  it.each([
    { why: "null, as Go writes what there is not", attributes: { ips: null, "cni-args": null } },
    { why: "nothing", attributes: null },
  ])("takes $why for no wishes", async ({ attributes }) => {
    const { socket, requests } = await doors();
    await delegate(socket, call({}, { interfaceAttributes: attributes }));
    expect(requests.map(({ source }) => source.selection)).toEqual([
      { ips: undefined, mac: undefined, cniArgs: undefined },
    ]);
  });

  it.each(["DEL", "CHECK", "STATUS"])("%s answers with nothing", async (verb) => {
    const { socket, asked } = await doors();
    expect(await delegate(socket, call({ CNI_COMMAND: verb }))).toMatchObject({ status: 200, body: "" });
    expect(asked).toEqual([`${verb} abc net7`]);
  });

  it("tells a failure as a CNI error, and 400 (T293)", async () => {
    const failure = new PlexusError("delegate-failed", "no more addresses", { code: 42, details: "hot" });
    const { socket, answered } = await doors({}, { del: () => Promise.reject(failure) });
    const answer = await delegate(socket, call({ CNI_COMMAND: "DEL" }));
    expect(answer).toMatchObject({ status: 400, body: '{"code":42,"msg":"no more addresses","details":"hot"}' });
    expect(answered).toEqual(["/delegate POST 400"]);
  });

  it.each([
    { why: "a body that is no JSON", body: "{", says: /unexpected|JSON/i },
    { why: "a body that is no object", body: "[]", says: /not a JSON object/ },
    { why: "no verb", body: call({ CNI_COMMAND: undefined }), says: /missing CNI_COMMAND/ },
    { why: "a verb that Multus does not know either", body: call({ CNI_COMMAND: "GC" }), says: /unknown cmd type: GC/ },
    { why: "no container id", body: call({ CNI_CONTAINERID: undefined }), says: /missing CNI_CONTAINERID/ },
    { why: "a container id that could be a path", body: call({ CNI_CONTAINERID: "../x" }), says: /CNI_CONTAINERID/ },
    { why: "no namespace", body: call({ CNI_NETNS: undefined }), says: /missing CNI_NETNS/ },
    { why: "a relative namespace", body: call({ CNI_NETNS: "netns" }), says: /CNI_NETNS is not an absolute path/ },
    { why: "no CNI_ARGS", body: call({ CNI_ARGS: undefined }), says: /missing CNI_ARGS/ },
    { why: "no pod in them (T291)", body: call({ CNI_ARGS: "IgnoreUnknown=1" }), says: /CNI_ARGS name no pod/ },
    { why: "an interface name that is none", body: call({ CNI_IFNAME: "a/b" }), says: /CNI_IFNAME/ },
    { why: "a config that is not base64", body: call({}, { config: "%" }), says: /config/ },
    { why: "a config that is not JSON", body: call({}, { config: "ew==" }), says: /the delegate's config/ },
    { why: "a config that is not UTF-8", body: call({}, { config: "//4=" }), says: /not UTF-8/ },
    { why: "a config without a name", body: call({}, { config: "e30=" }), says: /missing network name/ },
    {
      why: "an address that is none",
      body: call({}, { interfaceAttributes: { ips: ["10.1.1"] } }),
      says: /no IP address/,
    },
    { why: "a MAC that is none", body: call({}, { interfaceAttributes: { mac: "02" } }), says: /no MAC address/ },
  ])("refuses $why, and asks nobody", async ({ body, says }) => {
    const { socket, asked } = await doors();
    const answer = await delegate(socket, body);
    expect(answer.status).toBe(400);
    expect((JSON.parse(answer.body) as { msg: string }).msg).toMatch(says);
    expect(asked).toEqual([]);
  });

  it("begins no ADD while the daemon stops; a DEL it still does (T273)", async () => {
    const open: Condition = noProblem(() => "the daemon is stopping", "another comes");
    const { socket, asked } = await doors({ open });
    expect(await delegate(socket, call())).toMatchObject({ status: 400, body: expect.stringContaining("stopping") });
    expect(await delegate(socket, call({ CNI_COMMAND: "DEL" }))).toMatchObject({ status: 200 });
    expect(asked).toEqual(["DEL abc net7"]);
  });

  it("gives an ADD up when whoever asked goes away", async () => {
    const given = Promise.withResolvers<Scope>();
    const ended = Promise.withResolvers<undefined>();
    const { socket } = await doors(
      {},
      {
        add: async (_request, scope) => {
          given.resolve(scope);
          await once(scope.signal, "abort");
          ended.resolve(undefined);
          throw new PlexusError("try-again-later", "given up");
        },
      },
    );
    const body = call();
    const peer = connect(socket);
    peer.write(
      `POST /delegate HTTP/1.1\r\nHost: x\r\nContent-Length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`,
    );
    await given.promise;
    peer.destroy();
    await ended.promise;
  });

  it("is finished before the daemon stops", async () => {
    const begun = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    const node = await doors(
      {},
      {
        del: async () => {
          begun.resolve(undefined);
          await release.promise;
        },
      },
    );
    const answer = delegate(node.socket, call({ CNI_COMMAND: "DEL" }));
    await begun.promise;
    const stopped = node.stop(AbortSignal.timeout(10_000));
    release.resolve(undefined);
    expect(await answer).toMatchObject({ status: 200 });
    await stopped;
  });
});

it("a connection that cannot be accepted ends nothing", async () => {
  const server = createHttpServer();
  const listening = await listenOnSocket(server, join(await temporaryDirectory(), "run", "x.sock"));
  onTestFinished(() => listening.stop(AbortSignal.abort()));
  expect(server.emit("error", new Error("EMFILE"))).toBe(true);
});

describe("probes and metrics", () => {
  it("are served on ports of their own", async () => {
    const [metrics, probes] = [await freePort(), await freePort()];
    await doors({
      probes: { port: probes, host: "127.0.0.1" },
      metrics: { at: { port: metrics, host: "127.0.0.1" }, expose: async () => ({ type: "text/x", text: "up 1\n" }) },
    });
    expect(await http(probes, "/readyz")).toMatchObject({ status: 200, body: "ready\n" });
    expect(await http(probes, "/livez")).toMatchObject({ status: 200, body: "alive\n" });
    expect(await http(metrics, "/metrics")).toMatchObject({ status: 200, type: "text/x", body: "up 1\n" });
    expect(await http(probes, "/metrics")).toMatchObject({ status: 404 });
    expect(await http(probes, "/delegate", { body: call() })).toMatchObject({ status: 404 });
  });

  it("say that only a new daemon can help, whatever keeps this one from being ready", async () => {
    const probes = await freePort();
    await doors({
      probes: { port: probes, host: "127.0.0.1" },
      readiness: makeReadiness({ source: noProblem(() => "the API server is away", "wait") }),
      alive: noProblem(() => "no plugin can be run: gone", "restart"),
    });
    expect(await http(probes, "/livez")).toMatchObject({ status: 500, body: "no plugin can be run: gone (restart)\n" });
  });

  it("do not live and die with the API server", async () => {
    const probes = await freePort();
    const readiness = makeReadiness({ source: noProblem(() => "the API server is away", "wait") });
    await doors({ probes: { port: probes, host: "127.0.0.1" }, readiness });
    expect(await http(probes, "/livez")).toMatchObject({ status: 200 });
    expect(await http(probes, "/readyz")).toMatchObject({ status: 500 });
  });

  it("do without a port that somebody else has, and say so", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const { socket, lines } = await doors({ probes: { port, host: "127.0.0.1" } });
    expect(await http(socket, "/healthz")).toMatchObject({ status: 200 });
    expect(lines).toMatchObject([{ level: 50, what: "probes", port }]);
  });

  it("get the port when it is free", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const server = createHttpServer((_request, response) => void response.end("here"));
    const at = { port, host: "127.0.0.1" };
    const listening = await listenOnPort(server, "probes", at, pino({ enabled: false }), 10);
    onTestFinished(() => listening.stop(AbortSignal.abort()));
    const got = once(server, "listening");
    other.close();
    await got;
    expect(await http(port, "/")).toMatchObject({ body: "here" });
  });
});
