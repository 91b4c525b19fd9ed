import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { type ApiRequest, makeApiClient } from "../../../daemon/adapters/kubernetes/api-client.ts";
import type { Credentials } from "../../../daemon/adapters/kubernetes/credentials.ts";
import { inClusterCredentials } from "../../../daemon/adapters/kubernetes/in-cluster-credentials.ts";
import { pod } from "../../api-server/samples.ts";
import type { ApiServer } from "../../api-server/start-api-server.ts";
import { apiServer, clientFor, NEVER, noHurry } from "./cluster.ts";

const GET: ApiRequest = {
  method: "GET",
  path: "/api/v1/namespaces/default/pods/web",
  accept: "application/json",
  timeoutMs: NEVER,
  signal: noHurry,
};
const PATCH: ApiRequest = {
  ...GET,
  method: "PATCH",
  path: `${GET.path}/status`,
  body: { type: "application/merge-patch+json", text: '{"metadata":{"annotations":{"a":"ü"}}}' },
};
const web = pod({ name: "web" });

function inCluster(api: ApiServer): Credentials {
  return inClusterCredentials({ host: "127.0.0.1", port: new URL(api.url).port, directory: api.directory });
}

/** A plain HTTP server, and credentials for it. */
async function plainServer(answer: RequestListener, path = ""): Promise<Credentials> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const credential = { server: new URL(`http://127.0.0.1:${port}${path}`), headers: {}, tls: {} };
  return { current: async () => credential, refused: () => undefined };
}

describe("connections", () => {
  it("are few for many requests at once", async () => {
    const api = await apiServer();
    api.put(web);
    const client = clientFor(api);
    const before = api.connections().total;
    const answers = await Promise.all(Array.from({ length: 200 }, () => client.request(PATCH)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(api.connections().total - before).toBeLessThanOrEqual(8);
  });

  it("are kept for the next request", async () => {
    const api = await apiServer();
    const client = clientFor(api);
    for (let round = 0; round < 20; round++) await client.request(GET);
    expect(api.connections().total).toBe(1);
  });

  it("are not shared with a watch", async () => {
    const api = await apiServer();
    api.put(web);
    const client = clientFor(api);
    const signal = AbortSignal.any([noHurry]);
    for (let watch = 0; watch < 5; watch++) await client.stream({ ...GET, path: "/api/v1/pods?watch=1", signal });
    expect(await client.request(PATCH)).toMatchObject({ status: 200 });
    expect(api.connections()).toEqual({ open: 6, total: 6 });
  });

  it("that the server closed meanwhile cost no answer", async () => {
    const api = await apiServer();
    const client = clientFor(api);
    for (let round = 0; round < 20; round++) {
      api.cutConnections();
      expect(await client.request(GET)).toMatchObject({ status: 404 });
    }
  });

  it("that the server closes instead of answering are tried once more", async () => {
    const api = await apiServer();
    api.put(web);
    const client = clientFor(api);
    await client.request(GET);
    api.fail({ verb: "patch" }, { does: "cut", when: "after" });
    expect(await client.request(PATCH)).toMatchObject({ status: 200 });
    expect(api.counts()).toMatchObject({ "patch pods/status": 2 });
  });
});

describe("an answer", () => {
  it("says how long to stay away, a minute at most", async () => {
    const asks = ["7", "100000", "soon"];
    const credentials = await plainServer((_request, response) => {
      response.writeHead(429, { "retry-after": asks.shift() }).end("slow down");
    });
    const client = makeApiClient(credentials);
    onTestFinished(client.close);
    const answers = [await client.request(GET), await client.request(GET), await client.request(GET)];
    expect(answers).toEqual(
      [7_000, 60_000, 0].map((retryAfterMs) => ({ status: 429, retryAfterMs, body: "slow down" })),
    );
  });

  it("comes from below the server's own path", async () => {
    const credentials = await plainServer((request, response) => response.end(request.url), "/k8s/clusters/c-1/");
    const client = makeApiClient(credentials);
    onTestFinished(client.close);
    expect((await client.request(GET)).body).toBe(`/k8s/clusters/c-1${GET.path}`);
  });

  it("is waited for until the deadline", async () => {
    const api = await apiServer();
    api.fail({ verb: "get" }, { does: "hang" });
    await expect(clientFor(api).request({ ...GET, timeoutMs: 20 })).rejects.toMatchObject({
      kind: "io-failure",
      message: "no answer from the API server: none within 20 ms",
    });
  });

  it("is waited for until the signal is raised", async () => {
    const api = await apiServer();
    api.fail({ verb: "get" }, { does: "hang" });
    const hurry = new AbortController();
    const asking = clientFor(api).request({ ...GET, signal: hurry.signal });
    await api.until("a request", () => api.requests().length === 1);
    hurry.abort();
    await expect(asking).rejects.toMatchObject({ kind: "io-failure" });
    await api.until("its connection's end", () => api.connections().open === 0);
  });

  it("that breaks off is none", async () => {
    const api = await apiServer();
    api.put(web);
    api.fail({ verb: "get" }, { does: "cut", when: "amid" });
    await expect(clientFor(api).request(GET)).rejects.toMatchObject({ kind: "io-failure" });
  });

  it("from a server of another authority is none", async () => {
    const [api, other] = [await apiServer(), await apiServer()];
    const client = makeApiClient(
      inClusterCredentials({ host: "127.0.0.1", port: new URL(api.url).port, directory: other.directory }),
    );
    onTestFinished(client.close);
    await expect(client.request(GET)).rejects.toMatchObject({
      kind: "io-failure",
      message: expect.stringMatching(/SIGNATURE|CERT/),
    });
  });
});

describe("credentials", () => {
  it("that were replaced are used at once", async () => {
    const api = await apiServer();
    const client = makeApiClient(inCluster(api));
    onTestFinished(client.close);
    await client.request(GET);
    const token = api.rotate();
    await client.request(GET);
    expect(api.requests().at(-1)?.headers.authorization).toBe(`Bearer ${token}`);
    expect(api.connections().total).toBe(1);
  });

  it("that are refused are read again, once", async () => {
    const api = await apiServer();
    const good = await inCluster(api).current();
    const bad = { ...good, headers: { authorization: "Bearer expired" } };
    const answers = [bad, good, bad, bad];
    let refusals = 0;
    const client = makeApiClient({ current: async () => answers.shift() ?? good, refused: () => (refusals += 1) });
    onTestFinished(client.close);
    const statuses = [(await client.request(GET)).status, (await client.request(GET)).status];
    expect({ statuses, refusals }).toEqual({ statuses: [404, 401], refusals: 2 });
  });

  it("that are refused are read again for a watch too", async () => {
    const api = await apiServer();
    const good = await inCluster(api).current();
    const answers = [{ ...good, headers: { authorization: "Bearer expired" } }];
    const client = makeApiClient({ current: async () => answers.shift() ?? good, refused: () => undefined });
    onTestFinished(client.close);
    expect(await client.stream({ ...GET, path: "/api/v1/pods?watch=1" })).toMatchObject({ status: 200 });
  });

  it("that never come are not waited for beyond the deadline", async () => {
    const client = makeApiClient({ current: () => new Promise(() => undefined), refused: () => undefined });
    onTestFinished(client.close);
    await expect(client.request({ ...GET, timeoutMs: 20 })).rejects.toMatchObject({
      message: expect.stringMatching(/none within 20 ms/),
    });
  });
});
