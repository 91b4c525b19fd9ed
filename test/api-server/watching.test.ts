import { describe, expect, it } from "vitest";
import { NADS_URL, PODS_URL, podUrl, serverAndClient, type WatchEvent } from "./client.ts";
import { textAt } from "./objects.ts";
import { NADS, PODS } from "./resources.ts";
import { nad, pod } from "./samples.ts";

const WATCH = `${PODS_URL}?watch=1`;
const brief = ({ type, object }: WatchEvent): string => `${type} ${textAt(object, "metadata.name")}`;

describe("a watch", () => {
  it("from a version tells what happened since, then what happens", async () => {
    const server = await serverAndClient();
    const { metadata } = server.put(pod({ name: "web" }));
    server.put(pod({ name: "db" }));
    const watch = await server.watch(`${WATCH}&resourceVersion=${metadata.resourceVersion}`);
    expect(brief(await watch.event())).toBe("ADDED db");
    server.put(pod({ name: "web", annotations: { a: "1" } }));
    expect(await watch.event()).toEqual({ type: "MODIFIED", object: server.get(pod({ name: "web" })) });
    server.remove(pod({ name: "web" }));
    expect(await watch.event()).toMatchObject({
      type: "DELETED",
      object: { kind: "Pod", metadata: { name: "web", annotations: { a: "1" }, resourceVersion: server.revision() } },
    });
  });

  it.each(["", "&resourceVersion=0"])(
    "from no version in particular (%j) tells what there is first",
    async (version) => {
      const server = await serverAndClient();
      server.put(pod({ name: "web" }));
      server.put(pod({ name: "db" }));
      const watch = await server.watch(`${WATCH}${version}`);
      expect([brief(await watch.event()), brief(await watch.event())]).toEqual(["ADDED db", "ADDED web"]);
      server.put(pod({ name: "new" }));
      expect(brief(await watch.event())).toBe("ADDED new");
    },
  );

  it("from a version that is still to come tells what comes after it", async () => {
    const server = await serverAndClient();
    const watch = await server.watch(`${WATCH}&resourceVersion=1001`);
    server.put(pod({ name: "web" }));
    server.put(pod({ name: "db" }));
    expect(brief(await watch.event())).toBe("ADDED db");
  });

  it("sees objects come into its selection and go out of it", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web", node: "" }));
    const watch = await server.watch(
      `${WATCH}&fieldSelector=spec.nodeName%3Dnode-a&resourceVersion=${server.revision()}`,
    );
    server.put(pod({ name: "other", node: "node-b" }));
    server.put(pod({ name: "web" }));
    expect(brief(await watch.event())).toBe("ADDED web");
    server.put(pod({ name: "web", node: "node-b" }));
    expect(await watch.event()).toMatchObject({
      type: "DELETED",
      object: { metadata: { name: "web", resourceVersion: server.revision() }, spec: { nodeName: "node-a" } },
    });
    server.remove(pod({ name: "web" }));
    server.put(pod({ name: "last" }));
    expect(brief(await watch.event())).toBe("ADDED last");
  });

  it("sees one namespace and one resource", async () => {
    const server = await serverAndClient();
    const watch = await server.watch("/api/v1/namespaces/shop/pods?watch=true");
    server.put(pod({ name: "web" }));
    server.put(nad({ name: "blue", namespace: "shop" }));
    server.put(pod({ name: "db", namespace: "shop" }));
    expect(brief(await watch.event())).toBe("ADDED db");
  });

  it("sees a pod that is replaced by a namesake go and come", async () => {
    const server = await serverAndClient();
    const before = server.put(pod({ name: "web" }));
    const watch = await server.watch(`${WATCH}&resourceVersion=${server.revision()}`);
    server.remove(pod({ name: "web" }));
    const after = server.put(pod({ name: "web" }));
    expect(await watch.event()).toMatchObject({ type: "DELETED", object: { metadata: { uid: before.metadata.uid } } });
    expect(await watch.event()).toMatchObject({ type: "ADDED", object: { metadata: { uid: after.metadata.uid } } });
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
  });

  it("can be of metadata only", async () => {
    const server = await serverAndClient();
    const { metadata } = server.put(pod({ name: "web" }));
    const watch = await server.watch(WATCH, { accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" });
    expect(await watch.event()).toEqual({
      type: "ADDED",
      object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata },
    });
  });

  it("ends after timeoutSeconds", async () => {
    const server = await serverAndClient();
    const watch = await server.watch(`${WATCH}&timeoutSeconds=1`);
    await server.until("the watch", () => server.watches().length === 1);
    expect(await watch.ending).toBe("ended");
    await server.until("its end", () => server.watches().length === 0);
  });

  it("comes in any pieces", async () => {
    const server = await serverAndClient({ chunkBytes: 3 });
    server.put(pod({ name: "web", annotations: { a: "größer ✓" } }));
    const watch = await server.watch(WATCH);
    expect(await watch.event()).toMatchObject({ object: { metadata: { annotations: { a: "größer ✓" } } } });
  });

  it.each([
    { why: "by an unknown field", query: "&fieldSelector=spec.color=blue", code: 400 },
    { why: "with resourceVersionMatch", query: "&resourceVersionMatch=NotOlderThan&resourceVersion=1", code: 422 },
    { why: "with sendInitialEvents", query: "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", code: 422 },
  ])("$why is refused", async ({ query, code }) => {
    const server = await serverAndClient();
    const reply = await server.call(`${WATCH}${query}`);
    expect(reply.json()).toMatchObject({ kind: "Status", code });
    expect(server.watches()).toEqual([]);
  });

  it("with sendInitialEvents is taken by servers that do not know it", async () => {
    const server = await serverAndClient({ sendInitialEvents: "ignored" });
    server.put(pod({ name: "web" }));
    const watch = await server.watch(`${WATCH}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`);
    expect(brief(await watch.event())).toBe("ADDED web");
  });
});

describe("a bookmark", () => {
  it("has a version and little else, and is for those who asked", async () => {
    const server = await serverAndClient();
    const asked = await server.watch(`${WATCH}&allowWatchBookmarks=true&resourceVersion=${server.revision()}`);
    const other = await server.watch(`${WATCH}&resourceVersion=${server.revision()}`);
    server.put(nad({ name: "blue" }));
    server.bookmark();
    expect(await asked.event()).toEqual({
      type: "BOOKMARK",
      object: {
        kind: "Pod",
        apiVersion: "v1",
        metadata: { resourceVersion: server.revision(), creationTimestamp: null },
        spec: { containers: null },
        status: {},
      },
    });
    server.put(pod({ name: "web" }));
    expect(brief(await other.event())).toBe("ADDED web");
  });

  it("can come again and again", async () => {
    const server = await serverAndClient({ bookmarkEveryMs: 2 });
    const watch = await server.watch(`${NADS_URL}?watch=1&allowWatchBookmarks=1`);
    const bookmark = { type: "BOOKMARK", object: { kind: "NetworkAttachmentDefinition" } };
    expect([await watch.event(), await watch.event()]).toMatchObject([bookmark, bookmark]);
  });
});

describe("after a compaction", () => {
  const expired = { kind: "Status", status: "Failure", reason: "Expired", code: 410 };

  it("a watch from before is told so by an event, and ends", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    server.compact();
    const watch = await server.watch(`${WATCH}&resourceVersion=1000`);
    const message = `too old resource version: 1000 (${server.revision()})`;
    expect(await watch.event()).toMatchObject({ type: "ERROR", object: { ...expired, message } });
    expect(await watch.ending).toBe("ended");
    expect(server.watches()).toEqual([]);
  });

  it("or by the answer", async () => {
    const server = await serverAndClient({ expiry: "status" });
    server.put(pod({ name: "web" }));
    server.compact();
    expect((await server.call(`${WATCH}&resourceVersion=1000`)).json()).toMatchObject(expired);
  });

  it("a watch from the present version goes on", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    server.compact();
    const watch = await server.watch(`${WATCH}&resourceVersion=${server.revision()}`);
    server.put(pod({ name: "db" }));
    expect(brief(await watch.event())).toBe("ADDED db");
  });
});

describe("a mishap", () => {
  it.each([
    { mishap: "ends", ending: "ended", lines: [] },
    { mishap: "cut", ending: "torn", lines: [] },
    { mishap: "cut in an event", ending: "torn", lines: [expect.stringMatching(/^\{"type":"MODIFIED".*[^}]$/)] },
    { mishap: "expired", ending: "ended", lines: [expect.stringMatching(/^\{"type":"ERROR".*"code":410\}\}$/)] },
    { mishap: "failed", ending: "ended", lines: [expect.stringMatching(/^\{"type":"ERROR".*"code":500\}\}$/)] },
  ] as const)("$mishap", async ({ mishap, ending, lines }) => {
    const server = await serverAndClient();
    const watch = await server.watch(WATCH);
    server.disturb(mishap);
    for (const line of lines) expect(await watch.line()).toEqual(line);
    expect(await watch.ending).toBe(ending);
    await server.until("the end of the watch", () => server.watches().length === 0);
  });

  it.each([
    { mishap: "garbled", line: expect.not.stringMatching(/\}$/) },
    { mishap: "unknown event", line: expect.stringMatching(/^\{"type":"RENAMED"/) },
  ] as const)("$mishap, and the watch goes on", async ({ mishap, line }) => {
    const server = await serverAndClient();
    const watch = await server.watch(WATCH);
    server.disturb(mishap);
    expect(await watch.line()).toEqual(line);
    server.put(pod({ name: "web" }));
    expect(brief(await watch.event())).toBe("ADDED web");
  });

  it("silent: the connection stays and nothing is said, not even that the time is up", async () => {
    const server = await serverAndClient();
    const watch = await server.watch(`${WATCH}&timeoutSeconds=1`);
    server.disturb("silent");
    server.put(pod({ name: "web" }));
    server.disturb("ends");
    const other = await server.watch(`${WATCH}&timeoutSeconds=1`);
    expect(brief(await other.event())).toBe("ADDED web");
    await other.ending;
    await server.until("the end of the other", () => server.watches().length === 1);
    expect(server.watches().map((open) => open.isSilent())).toEqual([true]);
    watch.close();
    await expect(watch.line()).rejects.toThrow("the watch has ended");
    await server.until("the client's giving up", () => server.watches().length === 0);
  });

  it("can be one resource's", async () => {
    const server = await serverAndClient();
    await server.watch(WATCH);
    const nads = await server.watch(`${NADS_URL}?watch=1`);
    server.disturb("ends", NADS);
    expect(await nads.ending).toBe("ended");
    expect(server.watches().map(({ resource }) => resource)).toEqual([PODS]);
  });
});

it("what is written over HTTP is watched", async () => {
  const server = await serverAndClient();
  server.put(pod({ name: "web" }));
  const watch = await server.watch(`${WATCH}&resourceVersion=${server.revision()}`);
  const body = { metadata: { annotations: { a: "1" } } };
  const reply = await server.call(podUrl("web", "/status"), { method: "PATCH", body });
  expect(await watch.event()).toEqual({ type: "MODIFIED", object: reply.json() });
});
