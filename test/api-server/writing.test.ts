import { describe, expect, it } from "vitest";
import { NADS_URL, PODS_URL, podUrl, serverAndClient } from "./client.ts";
import { nad, pod } from "./samples.ts";

const annotate = (annotations: unknown, metadata = {}) => ({ metadata: { ...metadata, annotations } });
const IN_DEFAULT = PODS_URL.replace("/pods", "/namespaces/default/pods");
const NADS_IN_DEFAULT = NADS_URL.replace("/network", "/namespaces/default/network");

describe("a patch of pods/status", () => {
  it("changes annotations and the version, and answers with the pod", async () => {
    const server = await serverAndClient();
    const before = server.put(pod({ name: "web", annotations: { a: "1", b: "2" } }));
    const reply = await server.call(podUrl("web", "/status"), {
      method: "PATCH",
      body: annotate({ a: null, c: "3" }, { uid: before.metadata.uid }),
    });
    expect(reply.code).toBe(200);
    expect(reply.json()).toEqual({
      ...before,
      metadata: { ...before.metadata, annotations: { b: "2", c: "3" }, resourceVersion: server.revision() },
    });
    expect(server.get(pod({ name: "web" }))).toEqual(reply.json());
  });

  it("may change the status; spec and owners stay as they are", async () => {
    const server = await serverAndClient();
    const before = server.put(pod({ name: "web" }));
    const reply = await server.call(podUrl("web", "/status"), {
      method: "PATCH",
      body: {
        metadata: { ownerReferences: [{ name: "me" }], creationTimestamp: null },
        spec: { nodeName: "node-b" },
        status: { podIP: "10.0.0.8" },
      },
    });
    expect(reply.json()).toMatchObject({ spec: before["spec"], status: { phase: "Running", podIP: "10.0.0.8" } });
    expect(reply.json().metadata).toEqual({ ...before.metadata, resourceVersion: server.revision() });
  });

  it("that changes nothing is no write", async () => {
    const server = await serverAndClient();
    const before = server.put(pod({ name: "web", annotations: { a: "1" } }));
    const reply = await server.call(podUrl("web", "/status"), { method: "PATCH", body: annotate({ a: "1" }) });
    expect(reply.json()).toEqual(before);
    expect(server.revision()).toBe(before.metadata.resourceVersion);
  });

  it("that is a dry run answers as if, and is no write", async () => {
    const server = await serverAndClient();
    const before = server.put(pod({ name: "web" }));
    const url = `${podUrl("web", "/status")}?dryRun=All`;
    const reply = await server.call(url, { method: "PATCH", body: annotate({ a: "1" }) });
    expect(reply.json()).toMatchObject({ metadata: { annotations: { a: "1" } } });
    expect(server.get(pod({ name: "web" }))).toEqual(before);
  });

  it("may be a strategic merge patch", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    const type = "application/strategic-merge-patch+json; charset=utf-8";
    const reply = await server.call(podUrl("web", "/status"), { method: "PATCH", type, body: annotate({ a: "1" }) });
    expect(reply.json()).toMatchObject({ metadata: { annotations: { a: "1" } } });
  });

  it.each([
    {
      why: "of a pod that is not there is 404",
      name: "gone",
      body: annotate({}),
      expected: { code: 404, reason: "NotFound", message: 'pods "gone" not found' },
    },
    {
      why: "with another version is a conflict",
      body: annotate({}, { resourceVersion: "1" }),
      expected: {
        code: 409,
        reason: "Conflict",
        message:
          'Operation cannot be fulfilled on pods "web": the object has been modified; please apply your changes to the latest version and try again',
        details: { name: "web", kind: "pods" },
      },
    },
    {
      why: "with the uid of another pod of that name is invalid, and not a conflict",
      body: annotate({}, { uid: "other" }),
      expected: {
        code: 422,
        reason: "Invalid",
        message: 'Pod "web" is invalid: metadata.uid: Invalid value: "other": field is immutable',
        details: {
          name: "web",
          kind: "Pod",
          causes: [
            {
              reason: "FieldValueInvalid",
              message: 'Invalid value: "other": field is immutable',
              field: "metadata.uid",
            },
          ],
        },
      },
    },
    {
      why: "with both wrong is a conflict",
      body: annotate({}, { uid: "other", resourceVersion: "1" }),
      expected: { code: 409 },
    },
    {
      why: "with another name is refused",
      body: annotate({}, { name: "db" }),
      expected: { code: 400, message: "the name of the object (db) does not match the name on the URL (web)" },
    },
    { why: "with another namespace is refused", body: annotate({}, { namespace: "shop" }), expected: { code: 400 } },
    {
      why: "with an annotation that is no text is invalid",
      body: annotate({ a: 1 }),
      expected: {
        code: 422,
        reason: "Invalid",
        message: expect.stringContaining("json: cannot unmarshal number into Go struct field"),
        details: { causes: [{ reason: "FieldValueInvalid", field: "patch" }] },
      },
    },
    {
      why: "with an annotation whose name is none is invalid",
      body: annotate({ "a b": "" }),
      expected: { code: 422, details: { causes: [{ field: "metadata.annotations" }] } },
    },
    {
      why: "with more than 256 KiB of annotations is invalid",
      body: annotate({ a: "x".repeat(256 * 1024) }),
      expected: { code: 422, details: { causes: [{ reason: "FieldValueTooLong", field: "metadata.annotations" }] } },
    },
    { why: "that is no JSON is refused", body: "{", expected: { code: 400, reason: "BadRequest" } },
    { why: "that is no object is refused", body: "[]", expected: { code: 400, reason: "BadRequest" } },
    {
      why: "of another content type is refused",
      body: annotate({}),
      type: "application/json",
      expected: { code: 415, reason: "UnsupportedMediaType" },
    },
    {
      why: "of a type that is not modelled says so",
      body: "[]",
      type: "application/json-patch+json",
      expected: { code: 501 },
    },
    {
      why: "may not be larger than 3 MiB",
      body: annotate({ a: "x".repeat(3 * 1024 * 1024) }),
      expected: { code: 413, reason: "RequestEntityTooLarge" },
    },
  ])("$why", async ({ name = "web", body, type, expected }) => {
    const server = await serverAndClient();
    const before = server.put(pod({ name: "web" }));
    const reply = await server.call(podUrl(name, "/status"), { method: "PATCH", body, ...(type && { type }) });
    expect(reply.code).toBe(expected.code);
    expect(reply.json()).toMatchObject({ kind: "Status", status: "Failure", ...expected });
    expect(server.get(pod({ name: "web" }))).toEqual(before);
  });

  it("of a pod that is being deleted leaves it that way", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    const dying = await server.call(podUrl("web"), { method: "DELETE" });
    const body = annotate({ a: "1" }, { deletionTimestamp: null });
    const reply = await server.call(podUrl("web", "/status"), { method: "PATCH", body });
    expect(reply.json()).toMatchObject({
      metadata: { annotations: { a: "1" }, deletionTimestamp: dying.json().metadata["deletionTimestamp"] },
    });
  });
});

describe("other updates", () => {
  it("of a pod leave its status alone", async () => {
    const server = await serverAndClient();
    const before = server.put(pod({ name: "web" }));
    const body = { metadata: { annotations: { a: "1" } }, status: { phase: "Failed" } };
    const reply = await server.call(podUrl("web"), { method: "PATCH", body });
    expect(reply.json()).toMatchObject({ metadata: { annotations: { a: "1" } }, status: before["status"] });
  });

  it("of a pod's spec are invalid", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    const reply = await server.call(podUrl("web"), { method: "PATCH", body: { spec: { nodeName: "node-b" } } });
    expect(reply.json()).toMatchObject({
      code: 422,
      details: { causes: [{ reason: "FieldValueForbidden", field: "spec" }] },
    });
  });

  it("by PUT with another uid are a conflict", async () => {
    const server = await serverAndClient();
    const before = server.put(pod({ name: "web" }));
    const body = { ...before, metadata: { ...before.metadata, uid: "other" } };
    const reply = await server.call(podUrl("web", "/status"), { method: "PUT", body });
    expect(reply.json()).toMatchObject({
      code: 409,
      reason: "Conflict",
      message: expect.stringMatching(
        /Precondition failed: UID in precondition: other, UID in object meta: [-0-9a-f]{36}$/,
      ),
    });
  });

  it("by PUT with no version win for pods and are invalid for custom resources", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    server.put(nad({ name: "blue", config: "{}" }));
    expect((await server.call(podUrl("web"), { method: "PUT", body: pod({ name: "web" }) })).code).toBe(200);
    const reply = await server.call(`${NADS_IN_DEFAULT}/blue`, { method: "PUT", body: nad({ name: "blue" }) });
    expect(reply.json()).toMatchObject({ code: 422, details: { causes: [{ field: "metadata.resourceVersion" }] } });
  });

  it("of custom resources take no strategic merge patch", async () => {
    const server = await serverAndClient();
    server.put(nad({ name: "blue" }));
    const type = "application/strategic-merge-patch+json";
    expect((await server.call(`${NADS_IN_DEFAULT}/blue`, { method: "PATCH", type, body: {} })).code).toBe(415);
  });
});

describe("creating", () => {
  it("gives a uid, a time and a version, and sets the status", async () => {
    const server = await serverAndClient();
    const reply = await server.call(IN_DEFAULT, { method: "POST", body: pod({ name: "web", uid: "mine" }) });
    expect(reply.code).toBe(201);
    expect(reply.json()).toMatchObject({
      kind: "Pod",
      metadata: {
        uid: expect.stringMatching(/^[-0-9a-f]{36}$/),
        creationTimestamp: expect.stringMatching(/^[-0-9]{10}T[:0-9]{8}Z$/),
        resourceVersion: server.revision(),
      },
      status: { phase: "Pending" },
    });
  });

  it("can make up a name", async () => {
    const server = await serverAndClient();
    const body = { ...pod({ name: "" }), metadata: { generateName: "web-" } };
    const reply = await server.call(IN_DEFAULT, { method: "POST", body });
    expect(reply.json()).toMatchObject({ metadata: { name: expect.stringMatching(/^web-[0-9a-f]{5}$/) } });
  });

  it.each([
    {
      why: "what is there already is refused",
      body: pod({ name: "web" }),
      expected: { code: 409, reason: "AlreadyExists", message: 'pods "web" already exists' },
    },
    {
      why: "in a namespace that is not there is refused",
      url: "/api/v1/namespaces/gone/pods",
      body: pod({ name: "web", namespace: "gone" }),
      expected: { code: 404, message: 'namespaces "gone" not found', details: { name: "gone", kind: "namespaces" } },
    },
    {
      why: "in another namespace than the URL's is refused",
      body: pod({ name: "db", namespace: "shop" }),
      expected: { code: 400 },
    },
    { why: "without a namespace is refused", url: PODS_URL, body: pod({ name: "db" }), expected: { code: 405 } },
    {
      why: "under a name that is none is refused",
      body: pod({ name: "No Name" }),
      expected: { code: 422, details: { causes: [{ field: "metadata.name" }] } },
    },
    {
      why: "with nothing to run is refused",
      body: { ...pod({ name: "db" }), spec: {} },
      expected: { code: 422, details: { causes: [{ field: "spec.containers", reason: "FieldValueRequired" }] } },
    },
    {
      why: "an object of another version is refused",
      body: { ...pod({ name: "db" }), apiVersion: "v2" },
      expected: {
        code: 400,
        message: "the API version in the data (v2) does not match the expected API version (v1)",
      },
    },
    {
      why: "a config that is no text is refused",
      url: NADS_IN_DEFAULT,
      body: { ...nad({ name: "blue" }), spec: { config: {} } },
      expected: { code: 422, details: { causes: [{ field: "spec.config" }] } },
    },
  ])("$why", async ({ url = IN_DEFAULT, body, expected }) => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    const reply = await server.call(url, { method: "POST", body });
    expect(reply.code).toBe(expected.code);
    expect(reply.json()).toMatchObject(expected);
  });
});

describe("deleting", () => {
  it("a pod that runs marks it first, and with no grace removes it", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    const dying = await server.call(podUrl("web"), { method: "DELETE" });
    expect(dying.json()).toMatchObject({
      kind: "Pod",
      metadata: { deletionGracePeriodSeconds: 30, deletionTimestamp: expect.any(String) },
    });
    expect((await server.call(podUrl("web"))).code).toBe(200);
    const body = { gracePeriodSeconds: 0 };
    const dead = await server.call(podUrl("web"), { method: "DELETE", body });
    expect(dead.json()).toMatchObject({ kind: "Pod", metadata: { resourceVersion: server.revision() } });
    expect((await server.call(podUrl("web"))).code).toBe(404);
  });

  it.each([
    { why: "with no grace asked for", object: pod({ name: "web" }), query: "?gracePeriodSeconds=0" },
    { why: "that was never scheduled", object: pod({ name: "web", node: "" }), query: "" },
    { why: "that is done", object: { ...pod({ name: "web" }), status: { phase: "Succeeded" } }, query: "" },
  ])("a pod $why is at once", async ({ object, query }) => {
    const server = await serverAndClient();
    server.put(object);
    await server.call(`${podUrl("web")}${query}`, { method: "DELETE" });
    expect(server.get(object)).toBeUndefined();
  });

  it("another pod of that name is refused", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    const body = { preconditions: { uid: "other" } };
    expect((await server.call(podUrl("web"), { method: "DELETE", body })).code).toBe(409);
  });

  it("a custom resource is at once, and answered by a Status", async () => {
    const server = await serverAndClient();
    const { metadata } = server.put(nad({ name: "blue" }));
    const reply = await server.call(`${NADS_IN_DEFAULT}/blue`, { method: "DELETE" });
    expect(reply.json()).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "blue", uid: metadata.uid },
    });
  });
});
