import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PODS_URL, podUrl, serverAndClient } from "./client.ts";
import { ANSWERS, type PlainAnswer } from "./faults.ts";
import { pod } from "./samples.ts";
import { startApiServer } from "./start-api-server.ts";

const answer = (plain: PlainAnswer) => ({ does: "answer", answer: plain }) as const;
const PATCH = { method: "PATCH", body: { metadata: { annotations: { a: "1" } } } };
const REFUSED = { code: "ECONNREFUSED" };
const TORN = { code: "ECONNRESET" };

describe("the next requests", () => {
  it.each([
    { why: "too many", plain: ANSWERS.tooMany(3), type: /^text\/plain/, retryAfter: "3" },
    { why: "an internal error", plain: ANSWERS.internalError, type: /json/, retryAfter: undefined },
    { why: "not available", plain: ANSWERS.unavailable, type: /json/, retryAfter: undefined },
    { why: "a time-out", plain: ANSWERS.timeout, type: /json/, retryAfter: undefined },
    { why: "a proxy's page", plain: ANSWERS.badGateway, type: /html/, retryAfter: undefined },
    { why: "gone", plain: ANSWERS.gone, type: /json/, retryAfter: undefined },
    { why: "no JSON", plain: ANSWERS.garbled, type: /json/, retryAfter: undefined },
  ])("are answered: $why", async ({ plain, type, retryAfter }) => {
    const server = await serverAndClient();
    server.fail({ verb: "list", resource: "pods" }, answer(plain));
    const reply = await server.call(PODS_URL);
    expect(reply).toMatchObject({ code: plain.code, text: plain.body });
    expect(reply.headers["content-type"]).toMatch(type);
    expect(reply.headers["retry-after"]).toBe(retryAfter);
    expect((await server.call(PODS_URL)).code).toBe(200);
  });

  it("fail as often as was said, if they match, one fault after the other", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    server.fail({ resource: "pods/status" }, answer(ANSWERS.unavailable), 2);
    server.fail({ verb: "patch" }, answer(ANSWERS.internalError), Infinity);
    const codes: number[] = [(await server.call(podUrl("web"))).code];
    for (let n = 0; n < 4; n++) codes.push((await server.call(podUrl("web", "/status"), PATCH)).code);
    expect(codes).toEqual([200, 503, 503, 500, 500]);
    server.heal();
    expect((await server.call(podUrl("web", "/status"), PATCH)).code).toBe(200);
  });

  it.each([
    { why: "with nothing done", when: "before", done: undefined },
    { why: "with all done", when: "after", done: { a: "1" } },
    { why: "with all done and half of it said", when: "amid", done: { a: "1" } },
  ] as const)("are cut $why", async ({ when, done }) => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    server.fail({ verb: "patch" }, { does: "cut", when });
    await expect(server.call(podUrl("web", "/status"), PATCH)).rejects.toMatchObject(TORN);
    expect(server.get(pod({ name: "web" }))?.metadata.annotations).toEqual(done);
  });

  it("are late", async () => {
    const server = await serverAndClient();
    server.fail({}, { does: "delay", ms: 20 });
    let answered = false;
    const late = server.call(PODS_URL).then((reply) => {
      answered = true;
      return reply;
    });
    const [request] = await server.until("the request", () => server.requests().length > 0 && server.requests());
    expect({ answered, code: request?.code }).toEqual({ answered: false, code: undefined });
    expect((await late).code).toBe(200);
  });

  it("are late, and by then the client has gone", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    server.fail({}, { does: "delay", ms: 20 }, Infinity);
    const gone = expect(server.call(podUrl("web", "/status"), PATCH)).rejects.toMatchObject(TORN);
    await server.until("the request", () => server.requests().length > 0);
    server.cutConnections();
    await gone;
    // This one is begun later, so that the other's time is up when it ends.
    expect((await server.call(PODS_URL)).code).toBe(200);
    expect(server.requests()[0]?.code).toBeUndefined();
  });

  it("hang until the client gives up or the connection is cut", async () => {
    const server = await serverAndClient();
    server.fail({ verb: "list" }, { does: "hang" });
    const hanging = expect(server.call(PODS_URL)).rejects.toMatchObject(TORN);
    await server.until("the request", () => server.counts()["list pods"] === 1);
    expect(server.connections().open).toBe(1);
    server.cutConnections();
    await hanging;
    expect((await server.call(PODS_URL)).code).toBe(200);
  });
});

describe("connections", () => {
  it("are kept and counted", async () => {
    const server = await serverAndClient();
    for (let n = 0; n < 3; n++) await server.call(PODS_URL);
    expect(server.connections()).toEqual({ open: 1, total: 1 });
    const watch = await server.watch(`${PODS_URL}?watch=1`);
    server.cutConnections();
    expect(await watch.ending).toBe("torn");
    await server.call(PODS_URL);
    expect(server.connections()).toEqual({ open: 1, total: 2 });
  });

  it("are refused while the server is down, and welcome at the same port when it is back, with all that it knew", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    const watch = await server.watch(`${PODS_URL}?watch=1`);
    await server.down();
    expect(await watch.ending).toBe("torn");
    await expect(server.call(PODS_URL)).rejects.toMatchObject(REFUSED);
    await server.up();
    expect((await server.call(podUrl("web"))).code).toBe(200);
  });
});

describe("requests", () => {
  it("are counted by verb and resource, and remembered until they are reset", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    await server.call(`${PODS_URL}?limit=5`);
    await server.call(podUrl("web", "/status"), PATCH);
    await server.call(podUrl("web", "/status"), PATCH);
    await server.call("/apis/events.k8s.io/v1/namespaces/default/events", { method: "POST", body: {} });
    await server.call("/version");
    const watch = await server.watch(`${PODS_URL}?watch=1`);
    expect(server.counts()).toEqual({
      "list pods": 1,
      "patch pods/status": 2,
      "create events.events.k8s.io": 1,
      "GET /version": 1,
      "watch pods": 1,
    });
    expect(server.requests()[0]).toMatchObject({ method: "GET", path: PODS_URL, query: { limit: "5" }, code: 200 });
    expect(server.requests()[1]).toMatchObject({ method: "PATCH", body: JSON.stringify(PATCH.body), code: 200 });
    server.reset();
    expect([server.counts(), server.requests()]).toEqual([{}, []]);
    watch.close();
  });

  it("can be waited for", async () => {
    const server = await serverAndClient();
    const seen = server.until("a second list", () => server.requests().filter(({ label }) => label === "list pods")[1]);
    await server.call(`${PODS_URL}?limit=1`);
    await server.call(`${PODS_URL}?limit=2`);
    expect(await seen).toMatchObject({ query: { limit: "2" } });
  });

  it("that make the waiting fail end it", async () => {
    const server = await serverAndClient();
    const failing = server.until("nothing", () => {
      if (server.requests().length > 0) throw new Error("one too many");
    });
    await Promise.all([expect(failing).rejects.toThrow("one too many"), server.call(PODS_URL)]);
  });
});

it("nothing is left of a server that was stopped", async () => {
  const server = await startApiServer();
  await server.stop();
  expect(existsSync(server.directory)).toBe(false);
  expect(server.connections().open).toBe(0);
});
