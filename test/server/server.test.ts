import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PlexusError } from "../../daemon/domain/errors.ts";
import { JsonObject } from "../../daemon/domain/json/json-object.ts";
import type { AddRequest } from "../../daemon/operations/verbs/add.ts";
import type { Inspection } from "../../daemon/operations/observability/inspect.ts";
import type { PendingCleanup } from "../../daemon/operations/recovery/pending-cleanups.ts";
import { makeReadiness } from "../../daemon/operations/observability/readiness.ts";
import { NO_METERS } from "../../daemon/ports/meters.ts";
import type { Operations } from "../../daemon/server/cni-service.ts";
import { type RunningServer, startServer } from "../../daemon/server/server.ts";
import { type CniReply, type GrpcClient, grpcClient } from "./grpc-client.ts";

let directory: string;
let server: RunningServer | undefined;
let client: GrpcClient;
let lines: Record<string, unknown>[];

const nothing = (): Promise<undefined> => Promise.resolve(undefined);
const cleanups: readonly PendingCleanup[] = [
  {
    containerId: "abc",
    ifName: "eth0",
    kept: "record",
    pod: undefined,
    network: "shop/blue",
    released: true,
    worked: false,
    since: 1_700_000_000_000,
    attempts: 2,
    lastError: "busy",
    nextAttemptAt: undefined,
  },
];
const nothingToSee: Inspection = {
  sandboxes: () => Promise.resolve([]),
  sandbox: () => Promise.resolve(undefined),
  pendingCleanups: () => ({ cleanups, rounds: 3 }),
};

async function serve(operations: Partial<Operations> = {}, overlay = "{}"): Promise<void> {
  server = await startServer({
    operations: {
      add: () => Promise.resolve('{"cniVersion":"1.0.0"}'),
      del: nothing,
      check: nothing,
      status: nothing,
      gc: nothing,
      ...operations,
    },
    inspection: nothingToSee,
    log: pino(
      { base: null, level: "debug" },
      { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) },
    ),
    node: { binDir: "/opt/cni/bin", overlay: JsonObject.parse(overlay, "the overlay") },
    operationTimeoutMs: 3_600_000,
    meters: NO_METERS,
    readiness: makeReadiness({}),
    newRequestId: () => "made-up",
    socketDir: join(directory, "run"),
    protoDir: "dist/proto",
  });
  client = grpcClient(server.socketPath);
}

const request = (parts: object = {}): object => ({
  containerId: "abc",
  netns: "/run/netns/pod",
  ifname: "eth0",
  args: "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web",
  path: "/opt/cni/bin:/usr/lib/cni",
  config: Buffer.from('{"cniVersion":"1.0.0","name":"plexus"}'),
  requestId: "r-1",
  ...parts,
});

const cni = async (method: string, parts: object = {}): Promise<CniReply> =>
  (await client.call(`Cni/${method}`, request(parts)).reply) as CniReply;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "plexus-server-"));
  lines = [];
});

afterEach(async () => {
  client.close();
  await server?.stop(AbortSignal.timeout(0));
  await rm(directory, { recursive: true });
});

describe("the Cni service", () => {
  it("hands ADD on as checked values and answers with its result", async () => {
    const seen: AddRequest[] = [];
    await serve({
      add: (add) => {
        seen.push(add);
        return Promise.resolve('{"cniVersion":"1.0.0","ips":[]}');
      },
    });
    const reply = await cni("Add", { netnsOverride: "TRUE" });
    expect(reply.result?.toString()).toBe('{"cniVersion":"1.0.0","ips":[]}');
    expect(seen).toMatchObject([
      {
        sandbox: "abc",
        netns: "/run/netns/pod",
        ifName: "eth0",
        args: { pod: { namespace: "shop", name: "web" } },
        searchPath: ["/opt/cni/bin", "/usr/lib/cni"],
        netnsMayBeHosts: true,
        netConf: { name: "plexus", version: "1.0.0" },
      },
    ]);
  });

  it.each(["Status", "Gc"])(
    "needs no CNI_ARGS, container id, namespace and interface for %s (T097)",
    async (method) => {
      await serve();
      const parts = { containerId: "", netns: "", ifname: "", args: "" };
      expect(await cni(method, parts)).toMatchObject({ outcome: "result", result: Buffer.alloc(0) });
    },
  );

  it("lets its own settings of the network config win over the runtime's (T270, T271)", async () => {
    const seen: AddRequest[] = [];
    await serve({ add: (add) => (seen.push(add), Promise.resolve("{}")) }, '{"confDir":"/mine","binDir":"/opt/x"}');
    await cni("Add", { config: Buffer.from('{"name":"a","confDir":"/theirs","binDir":"/y"}') });
    expect(seen).toMatchObject([
      { netConf: { confDir: "/mine" }, searchPath: ["/opt/x", "/opt/cni/bin", "/usr/lib/cni"] },
    ]);
  });

  it.each(["Del", "Check", "Status", "Gc"])("answers %s with an empty result (T271)", async (method) => {
    await serve();
    expect(await cni(method)).toMatchObject({ outcome: "result", result: Buffer.alloc(0) });
  });

  it("searches the binDir of the network config instead of its own", async () => {
    const seen: AddRequest[] = [];
    await serve({ add: (add) => (seen.push(add), Promise.resolve("{}")) });
    await cni("Add", {
      config: Buffer.from('{"name":"a","binDir":"/snap/cni"}'),
      path: "relative:/usr/lib/cni:/snap/cni",
    });
    expect(seen[0]?.searchPath).toEqual(["/snap/cni", "/usr/lib/cni"]);
  });

  it("tells a failure whole, in the reply", async () => {
    await serve({
      add: () =>
        Promise.reject(new PlexusError("delegate-failed", "range full: 100 % used\nç", { code: 42, details: "net1" })),
    });
    expect((await cni("Add")).error).toEqual({ code: 42, msg: "range full: 100 % used\nç", details: "net1" });
  });

  it("tells a bug as code 999 and keeps its trace in the log", async () => {
    await serve({ add: () => Promise.reject(new TypeError("x is undefined")) });
    expect((await cni("Add")).error).toMatchObject({ code: 999 });
    expect(lines).toMatchObject([
      { level: 50, op: "ADD", kind: "internal", err: { stack: expect.any(String) as string } },
    ]);
  });

  it.each([
    { why: "a container id that could be a path", method: "Add", parts: { containerId: "../x" }, code: 4 },
    { why: "no container id", method: "Del", parts: { containerId: "" }, code: 3 },
    { why: "an endless container id", method: "Del", parts: { containerId: "a".repeat(201) }, code: 4 },
    { why: "an interface name of 16 bytes (T004)", method: "Add", parts: { ifname: "a".repeat(16) }, code: 4 },
    { why: "a relative netns", method: "Add", parts: { netns: "netns" }, code: 4 },
    { why: "CNI_ARGS without = (T201)", method: "Add", parts: { args: "K8S_POD_NAME:web" }, code: 4 },
    { why: "a config that is not JSON (T027)", method: "Add", parts: { config: Buffer.from("{") }, code: 6 },
    {
      why: "a config that is not JSON, on DEL too (T027)",
      method: "Del",
      parts: { config: Buffer.from("{") },
      code: 6,
    },
    { why: "a config that is not UTF-8", method: "Add", parts: { config: Buffer.from([0xff, 0xfe]) }, code: 6 },
    { why: "a config without name (T005)", method: "Add", parts: { config: Buffer.from("{}") }, code: 7 },
    {
      why: "an unknown version (T006)",
      method: "Add",
      parts: { config: Buffer.from('{"name":"a","cniVersion":"2.0.0"}') },
      code: 1,
    },
    {
      why: "a config of more than a megabyte",
      method: "Add",
      parts: { config: Buffer.from('{"cniVersion":"1.0.0","name":"plexus"}'.padEnd((1 << 20) + 1)) },
      code: 6,
    },
  ])("refuses $why", async ({ method, parts, code }) => {
    await serve();
    expect((await cni(method, parts)).error).toMatchObject({ code });
  });

  it("refuses a message of more than 16 MiB before it has it all", async () => {
    await serve();
    await expect(cni("Add", { config: Buffer.alloc(17 << 20, 32) })).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
  });

  it("writes one line for each operation, with whom and how long", async () => {
    await serve();
    await cni("Add");
    await cni("Del", { requestId: "" });
    expect(lines).toMatchObject([
      {
        level: 30,
        op: "ADD",
        request: "r-1",
        sandbox: "abc",
        ifName: "eth0",
        ms: expect.any(Number) as number,
        msg: "done",
      },
      { level: 30, op: "DEL", request: "made-up", msg: "done" },
    ]);
  });

  it("writes a line at info or warn for a STATUS that differs from the one before, and at debug for others", async () => {
    const outcomes = ["", "", "no default network", "no default network", "", ""];
    await serve({
      status: async () => {
        const problem = outcomes.shift();
        if (problem !== "") throw new PlexusError("not-available", problem ?? "asked too often");
      },
    });
    for (let asked = 0, times = outcomes.length; asked < times; asked++) await cni("Status");
    expect(lines.map(({ level }) => level)).toEqual([30, 20, 40, 20, 30, 20]);
  });

  it.each([
    {
      why: "its caller goes away",
      end: (call: { cancel(): void }) => {
        call.cancel();
      },
      deadlineMs: 3_600_000,
      code: status.CANCELLED,
    },
    { why: "its deadline passes", end: () => undefined, deadlineMs: 150, code: status.DEADLINE_EXCEEDED },
  ])("raises the operation's signal when $why", async ({ end, deadlineMs, code }) => {
    const begun = Promise.withResolvers<undefined>();
    const raised = Promise.withResolvers<undefined>();
    await serve({
      add: async (_request, { signal }) => {
        signal.addEventListener("abort", () => {
          raised.resolve(undefined);
        });
        begun.resolve(undefined);
        await raised.promise;
        throw new PlexusError("try-again-later", "given up");
      },
    });
    const call = client.call("Cni/Add", request(), deadlineMs);
    const outcome = expect(call.reply).rejects.toMatchObject({ code });
    await begun.promise;
    end(call);
    await raised.promise;
    await outcome;
  });
});

describe("the server", () => {
  it("makes its directory, and lets root alone reach its socket (T277)", async () => {
    await serve();
    const modes = await Promise.all(
      [join(directory, "run"), server?.socketPath ?? ""].map(async (path) => (await stat(path)).mode & 0o777),
    );
    expect(modes).toEqual([0o700, 0o600]);
  });

  it("takes the place of a dead daemon's socket (T277)", async () => {
    await serve();
    await server?.stop(AbortSignal.timeout(0));
    await writeFile(join(directory, "run", "plexus.sock"), "");
    await serve();
    expect(await cni("Del")).toMatchObject({ outcome: "result" });
  });

  it("does not take its successor's socket along when it stops", async () => {
    await serve();
    const old = server;
    await serve();
    await old?.stop(AbortSignal.timeout(0));
    expect(await cni("Del")).toMatchObject({ outcome: "result" });
  });

  it("finishes what is under way before it stops", async () => {
    const begun = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    await serve({
      add: async () => {
        begun.resolve(undefined);
        await release.promise;
        return "{}";
      },
    });
    const reply = cni("Add");
    await begun.promise;
    const stopped = server?.stop(AbortSignal.timeout(10_000));
    release.resolve(undefined);
    expect((await reply).result?.toString()).toBe("{}");
    client.close();
    await stopped;
  });

  it.each([
    { why: "says nothing", greeting: "" },
    { why: "has said hello", greeting: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" },
  ])("does not wait for a peer that $why and stays", async ({ greeting }) => {
    await serve();
    const peer = connect({ path: server?.socketPath ?? "", allowHalfOpen: true }).on("error", () => undefined);
    peer.write(greeting);
    const closed = once(peer.resume(), "close");
    await cni("Status");
    await server?.stop(AbortSignal.timeout(600_000));
    peer.end();
    await closed;
  });

  it("waits for an operation that nobody waits for any more: it is being undone", async () => {
    const begun = Promise.withResolvers<undefined>();
    const undone = Promise.withResolvers<undefined>();
    let isUndone = false;
    await serve({
      add: async (_request, { signal }) => {
        begun.resolve(undefined);
        await once(signal, "abort");
        await undone.promise;
        isUndone = true;
        throw new PlexusError("try-again-later", "given up");
      },
    });
    const call = client.call("Cni/Add", request());
    const outcome = expect(call.reply).rejects.toMatchObject({ code: status.CANCELLED });
    await begun.promise;
    call.cancel();
    await outcome;
    client.close();
    const stopped = server?.stop(AbortSignal.timeout(600_000)).then(() => isUndone);
    setTimeout(() => undone.resolve(undefined), 50);
    expect(await stopped).toBe(true);
  });

  it("cuts off what does not finish in time", async () => {
    const begun = Promise.withResolvers<undefined>();
    await serve({
      add: (_request, { signal }) => {
        begun.resolve(undefined);
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reject(new PlexusError("try-again-later", "given up"));
          });
        });
      },
    });
    const reply = expect(cni("Add")).rejects.toThrow();
    await begun.promise;
    await server?.stop(AbortSignal.abort());
    await reply;
  });

  it("cannot listen where there is no directory to be made, and says where", async () => {
    await serve();
    await writeFile(join(directory, "file"), "");
    const attempt = startServer({ ...(await Promise.resolve(bare())), socketDir: join(directory, "file", "run") });
    await expect(attempt).rejects.toThrow(/cannot listen on .*plexus-operator\.sock/);
  });
});

function bare() {
  return {
    operations: { add: () => Promise.resolve("{}"), del: nothing, check: nothing, status: nothing, gc: nothing },
    inspection: nothingToSee,
    log: pino({ enabled: false }),
    node: { binDir: "/opt/cni/bin", overlay: JsonObject.empty },
    operationTimeoutMs: 3_600_000,
    meters: NO_METERS,
    readiness: makeReadiness({}),
    newRequestId: () => "made-up",
    protoDir: "dist/proto",
  };
}
