import { describe, expect, it } from "vitest";
import { serverAndClient } from "./client.ts";

const CORE = "/api/v1/namespaces/default/events";
const NEW = "/apis/events.k8s.io/v1/namespaces/default/events";
const about = { kind: "Pod", namespace: "default", name: "web", uid: "u" };

const core = {
  metadata: { name: "web.1" },
  involvedObject: about,
  reason: "AddedInterface",
  message: "Add net1",
  type: "Normal",
  source: { component: "plexus" },
  firstTimestamp: "2024-05-01T10:00:00Z",
  lastTimestamp: "2024-05-01T10:00:00Z",
  count: 1,
};

const modern = {
  metadata: { name: "web.2" },
  regarding: about,
  reason: "AddedInterface",
  note: "Add net1",
  type: "Normal",
  eventTime: "2024-05-01T10:00:00.000000Z",
  action: "Attach",
  reportingController: "plexus.example/daemon",
  reportingInstance: "node-a",
};

describe("an event", () => {
  it("made through core/v1 is seen through events.k8s.io", async () => {
    const server = await serverAndClient();
    expect((await server.call(CORE, { method: "POST", body: core })).code).toBe(201);
    expect((await server.call(`${NEW}/web.1`)).json()).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      regarding: about,
      note: "Add net1",
      deprecatedCount: 1,
      deprecatedSource: { component: "plexus" },
    });
  });

  it("made through events.k8s.io is seen through core/v1", async () => {
    const server = await serverAndClient();
    expect((await server.call(NEW, { method: "POST", body: modern })).code).toBe(201);
    expect((await server.call(`${CORE}/web.2`)).json()).toMatchObject({
      apiVersion: "v1",
      involvedObject: about,
      message: "Add net1",
      reportingComponent: "plexus.example/daemon",
    });
    expect(server.events()).toMatchObject([{ apiVersion: "v1", involvedObject: about }]);
  });

  it("can be counted up by a patch", async () => {
    const server = await serverAndClient();
    await server.call(CORE, { method: "POST", body: core });
    const reply = await server.call(`${CORE}/web.1`, { method: "PATCH", body: { count: 2 } });
    expect(reply.json()).toMatchObject({ count: 2, message: "Add net1" });
  });

  it.each([
    {
      why: "about another namespace's object",
      body: { ...core, involvedObject: { ...about, namespace: "shop" } },
      field: "involvedObject.namespace",
    },
    { why: "of the new form without an action", body: { ...modern, action: "" }, url: NEW, field: "action" },
    {
      why: "of the new form without a reporter",
      body: { ...modern, reportingInstance: "" },
      url: NEW,
      field: "reportingInstance",
    },
    {
      why: "of the new form with a long reporter",
      body: { ...modern, reportingInstance: "x".repeat(129) },
      url: NEW,
      field: "reportingInstance",
    },
    {
      why: "of the new form with a long note",
      body: { ...modern, note: "x".repeat(1025) },
      url: NEW,
      field: "message",
    },
    { why: "of an unknown type", body: { ...modern, type: "Bad" }, url: NEW, field: "type" },
    { why: "with an old member in the new API", body: { ...modern, deprecatedCount: 1 }, url: NEW, field: "count" },
  ])("$why is invalid", async ({ body, url = CORE, field }) => {
    const server = await serverAndClient();
    const reply = await server.call(url, { method: "POST", body });
    expect(reply.json()).toMatchObject({ code: 422, details: { causes: [{ field }] } });
  });

  it("of the new form without a time is invalid", async () => {
    const server = await serverAndClient();
    const reply = await server.call(NEW, { method: "POST", body: { ...modern, eventTime: null } });
    expect(reply.json()).toMatchObject({ code: 422, details: { causes: [{ field: "eventTime" }] } });
  });

  it("of the old form may be long", async () => {
    const server = await serverAndClient();
    const body = { ...core, message: "x".repeat(4_000) };
    expect((await server.call(CORE, { method: "POST", body })).code).toBe(201);
  });

  it("of the new form stays as it is but for its series", async () => {
    const server = await serverAndClient();
    await server.call(NEW, { method: "POST", body: modern });
    const series = { count: 2, lastObservedTime: "2024-05-01T10:00:01.000000Z" };
    const counted = await server.call(`${NEW}/web.2`, { method: "PATCH", body: { series } });
    expect(counted.json()).toMatchObject({ series });
    const changed = await server.call(`${NEW}/web.2`, { method: "PATCH", body: { note: "other" } });
    expect(changed.json()).toMatchObject({ code: 422, details: { causes: [{ field: "message" }] } });
  });
});
