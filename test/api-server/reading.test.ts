import { describe, expect, it } from "vitest";
import { NADS_URL, PODS_URL, podUrl, serverAndClient } from "./client.ts";
import { textAt } from "./objects.ts";
import { NADS } from "./resources.ts";
import { nad, pod } from "./samples.ts";

const names = (reply: { json: () => { items: readonly unknown[] } }): unknown[] =>
  (reply.json().items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);

describe("a list", () => {
  it("of a built-in kind has items without kind, with the version of the moment", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    const { json } = await server.call(PODS_URL);
    expect(json()).toMatchObject({
      kind: "PodList",
      apiVersion: "v1",
      metadata: { resourceVersion: server.revision() },
      items: [{ metadata: { name: "web", namespace: "default", resourceVersion: server.revision() } }],
    });
    expect(json().items[0]).not.toHaveProperty("kind");
  });

  it("of custom resources has items with kind", async () => {
    const server = await serverAndClient();
    server.put(nad({ name: "blue", config: "{}" }));
    expect((await server.call(NADS_URL)).json()).toMatchObject({
      kind: "NetworkAttachmentDefinitionList",
      apiVersion: "k8s.cni.cncf.io/v1",
      items: [{ kind: "NetworkAttachmentDefinition", apiVersion: "k8s.cni.cncf.io/v1", spec: { config: "{}" } }],
    });
  });

  it.each([
    { why: "is of all namespaces", url: PODS_URL, expected: ["db", "web", "web"] },
    { why: "can be of one", url: "/api/v1/namespaces/shop/pods", expected: ["web"] },
    { why: "of a namespace that is not there is empty", url: "/api/v1/namespaces/nowhere/pods", expected: [] },
    { why: "can be of one node", url: `${PODS_URL}?fieldSelector=spec.nodeName%3Dnode-b`, expected: ["db"] },
    { why: "can exclude", url: `${PODS_URL}?fieldSelector=spec.nodeName!=node-b`, expected: ["web", "web"] },
    {
      why: "must fit every term of the selector",
      url: `${PODS_URL}?fieldSelector=spec.nodeName=node-a,metadata.name=db`,
      expected: [],
    },
    { why: "can have a limit", url: `${PODS_URL}?limit=2`, expected: ["db", "web"] },
    {
      why: "from the watch cache knows no limit",
      url: `${PODS_URL}?limit=2&resourceVersion=0`,
      expected: ["db", "web", "web"],
    },
    { why: "may be no older than a version", url: `${PODS_URL}?resourceVersion=1001`, expected: ["db", "web", "web"] },
    {
      why: "may be as it was at a version",
      url: `${PODS_URL}?resourceVersion=1001&resourceVersionMatch=Exact`,
      expected: ["web"],
    },
  ])("$why", async ({ url, expected }) => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    server.put(pod({ name: "web", namespace: "shop" }));
    server.put(pod({ name: "db", node: "node-b" }));
    expect(names(await server.call(url))).toEqual(expected);
  });

  it.each([
    {
      why: "by a field that is none to select by is refused",
      url: `${PODS_URL}?fieldSelector=spec.color=blue`,
      expected: { code: 400, reason: "BadRequest", message: "field label not supported: spec.color" },
    },
    {
      why: "of custom resources can be selected by name only",
      url: `${NADS_URL}?fieldSelector=spec.nodeName=a`,
      expected: { code: 400, reason: "BadRequest" },
    },
    { why: "by label is not modelled", url: `${PODS_URL}?labelSelector=a=b`, expected: { code: 400 } },
    {
      why: "from a version that is still to come has to wait",
      url: `${PODS_URL}?resourceVersion=999999`,
      expected: {
        code: 504,
        reason: "Timeout",
        details: { causes: [{ reason: "ResourceVersionTooLarge" }], retryAfterSeconds: 1 },
      },
    },
    {
      why: "with a match but no version is refused",
      url: `${PODS_URL}?resourceVersionMatch=Exact`,
      expected: { code: 422, reason: "Invalid", details: { kind: "ListOptions", group: "meta.k8s.io" } },
    },
    { why: "from what is no version is refused", url: `${PODS_URL}?resourceVersion=new`, expected: { code: 400 } },
    { why: "with a token that was not given out is refused", url: `${PODS_URL}?continue=abc`, expected: { code: 400 } },
  ])("$why", async ({ url, expected }) => {
    const server = await serverAndClient();
    const reply = await server.call(url);
    expect(reply.json()).toMatchObject({ kind: "Status", status: "Failure", ...expected });
    expect(reply.code).toBe(expected.code);
  });
});

describe("pages", () => {
  it("show the moment of the first, whatever happens meanwhile", async () => {
    const server = await serverAndClient();
    for (const name of ["a", "b", "c", "d"]) server.put(pod({ name }));
    const first = await server.call(`${PODS_URL}?limit=2`);
    expect(first.json().metadata).toEqual({
      resourceVersion: "1004",
      continue: expect.any(String),
      remainingItemCount: 2,
    });
    server.remove(pod({ name: "c" }));
    server.put(pod({ name: "bb" }));
    const next = await server.call(`${PODS_URL}?limit=2&continue=${textAt(first.json(), "metadata.continue")}`);
    expect(names(next)).toEqual(["c", "d"]);
    expect(next.json().metadata).toEqual({ resourceVersion: "1004" });
  });

  it("expire with the history, and the answer says how to go on all the same", async () => {
    const server = await serverAndClient();
    for (const name of ["a", "b", "c"]) server.put(pod({ name }));
    const first = await server.call(`${PODS_URL}?limit=1`);
    server.remove(pod({ name: "b" }));
    server.compact();
    const gone = await server.call(`${PODS_URL}?limit=1&continue=${textAt(first.json(), "metadata.continue")}`);
    expect(gone.json()).toMatchObject({ code: 410, reason: "Expired", metadata: { continue: expect.any(String) } });
    const rest = await server.call(`${PODS_URL}?continue=${textAt(gone.json(), "metadata.continue")}`);
    expect(names(rest)).toEqual(["c"]);
    expect(rest.json().metadata).toEqual({ resourceVersion: server.revision() });
  });

  it("of a selection do not say how many are left", async () => {
    const server = await serverAndClient();
    for (const name of ["a", "b"]) server.put(pod({ name }));
    const { json } = await server.call(`${PODS_URL}?limit=1&fieldSelector=spec.nodeName=node-a`);
    expect(json().metadata).not.toHaveProperty("remainingItemCount");
  });
});

describe("one object", () => {
  it("has kind and apiVersion", async () => {
    const server = await serverAndClient();
    const stored = server.put(pod({ name: "web", annotations: { a: "1" } }));
    const reply = await server.call(podUrl("web"));
    expect(reply.json()).toEqual(stored);
    expect(reply.json()).toMatchObject({ kind: "Pod", apiVersion: "v1" });
  });

  it.each([
    { url: podUrl("web"), message: 'pods "web" not found', details: { name: "web", kind: "pods" } },
    {
      url: "/apis/k8s.cni.cncf.io/v1/namespaces/default/network-attachment-definitions/blue",
      message: 'network-attachment-definitions.k8s.cni.cncf.io "blue" not found',
      details: { name: "blue", group: "k8s.cni.cncf.io", kind: "network-attachment-definitions" },
    },
  ])("that is not there: $message", async ({ url, message, details }) => {
    const server = await serverAndClient();
    const reply = await server.call(url);
    expect(reply.code).toBe(404);
    expect(reply.json()).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      reason: "NotFound",
      details,
      code: 404,
    });
  });
});

describe("the form of an answer", () => {
  const METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

  it("is metadata only if asked", async () => {
    const server = await serverAndClient();
    const { metadata } = server.put(pod({ name: "web" }));
    const partial = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
    const one = await server.call(podUrl("web"), { headers: { accept: METADATA_ONLY } });
    expect(one.json()).toEqual(partial);
    const accept = `${METADATA_ONLY.replace("Metadata;", "MetadataList;")},application/json`;
    const all = await server.call(PODS_URL, { headers: { accept } });
    expect(all.json()).toMatchObject({ kind: "PartialObjectMetadataList", items: [partial] });
    const rather = await server.call(podUrl("web"), { headers: { accept: `${METADATA_ONLY};q=0.5,application/json` } });
    expect(rather.json()).toMatchObject({ kind: "Pod" });
  });

  it.each([
    { why: "a list is no single object's metadata", accept: METADATA_ONLY, code: 406 },
    { why: "YAML is not spoken", accept: "application/yaml", code: 406 },
    { why: "JSON is spoken", accept: "application/yaml, application/json;q=0.5", code: 200 },
    { why: "anything is JSON", accept: "*/*", code: 200 },
  ])("$why", async ({ accept, code }) => {
    const server = await serverAndClient();
    expect((await server.call(PODS_URL, { headers: { accept } })).code).toBe(code);
  });

  it("is compressed when it is large and the client can read that", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web", annotations: { a: "x".repeat(200_000) } }));
    const headers = { "accept-encoding": "gzip" };
    expect((await server.call(podUrl("web"), { headers })).headers["content-encoding"]).toBe("gzip");
    expect((await server.call(podUrl("web"))).headers["content-encoding"]).toBeUndefined();
    expect((await server.call(NADS_URL, { headers })).headers["content-encoding"]).toBeUndefined();
  });

  it("is plain text for what is no resource, as for a resource whose definition is missing", async () => {
    const server = await serverAndClient();
    server.uninstall(NADS);
    const answer = { code: 404, text: "404 page not found\n" };
    expect(await server.call("/apis/example.com/v1/things")).toMatchObject(answer);
    expect(await server.call(NADS_URL)).toMatchObject(answer);
    server.install(NADS);
    expect((await server.call(NADS_URL)).code).toBe(200);
  });
});
