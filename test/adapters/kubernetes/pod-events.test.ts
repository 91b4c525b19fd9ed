import { describe, expect, it, vi } from "vitest";
import type { PodEvent } from "../../../daemon/domain/pod-event.ts";
import { ANSWERS, type Fault } from "../../api-server/faults.ts";
import { manualClock } from "../../fakes/manual-clock.ts";
import { apiServer, followed, keyOf, NODE } from "./cluster.ts";

const AT = Date.parse("2024-05-06T07:08:09.123Z");
const web = { ...keyOf("web"), uid: "uid-web" };
const added: PodEvent = {
  type: "Normal",
  reason: "AddedInterface",
  message: "Add net1 [10.1.0.2/24] from default/blue",
};

describe("an event", () => {
  it("is about the pod, in the pod's namespace", async () => {
    const api = await apiServer();
    const { events } = await followed(api, { clock: manualClock(AT) });
    events.report(web, added);
    const [event] = await api.until("an event", () => api.events().length === 1 && api.events());
    expect(event).toMatchObject({
      metadata: { namespace: "default", name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) },
      involvedObject: { apiVersion: "v1", kind: "Pod", namespace: "default", name: "web", uid: "uid-web" },
      ...added,
      source: { component: "plexus", host: NODE },
      reportingComponent: "plexus",
      reportingInstance: NODE,
      count: 1,
      firstTimestamp: "2024-05-06T07:08:09Z",
      lastTimestamp: "2024-05-06T07:08:09Z",
    });
  });

  it.each([
    { why: "a long pod name", name: "a".repeat(253) },
    { why: "a pod name with a dot where it is cut", name: `${"a".repeat(235)}.${"b".repeat(17)}` },
  ])("has a name that the API server takes, for $why", async ({ name }) => {
    const api = await apiServer();
    const { events } = await followed(api);
    events.report({ ...web, ...keyOf(name) }, { ...added, message: "x".repeat(2_000) });
    const [event] = await api.until("an event", () => api.events().length === 1 && api.events());
    expect(event).toMatchObject({ involvedObject: { name }, message: "x".repeat(1_024) });
  });

  it("is counted, not told anew, when it comes again within ten minutes", async () => {
    const api = await apiServer();
    const clock = manualClock(AT);
    const { events } = await followed(api, { clock });
    api.reset();
    events.report(web, added);
    clock.advance(599_000);
    events.report(web, added);
    events.report(web, added);
    await api.until("the third", () => api.events().some((event) => event["count"] === 3));
    expect(api.events()).toMatchObject([
      { firstTimestamp: "2024-05-06T07:08:09Z", lastTimestamp: "2024-05-06T07:18:08Z" },
    ]);
    expect(api.counts()).toEqual({ "create events": 1, "patch events": 2 });
  });

  it.each<{ why: string; pod?: Partial<typeof web>; event?: Partial<PodEvent>; afterMs?: number }>([
    { why: "another message", event: { message: "Add net2 [] from default/red" } },
    { why: "another reason", event: { reason: "NoNetworkFound" } },
    { why: "another pod", pod: keyOf("db") },
    { why: "a pod of the same name that took its place", pod: { uid: "uid-new" } },
    { why: "the same after ten minutes", afterMs: 600_000 },
  ])("is told anew for $why", async ({ pod = {}, event = {}, afterMs = 0 }) => {
    const api = await apiServer();
    const clock = manualClock(AT);
    const { events } = await followed(api, { clock });
    events.report(web, added);
    clock.advance(afterMs);
    events.report({ ...web, ...pod }, { ...added, ...event });
    await api.until("two events", () => api.events().length === 2);
    expect(api.events().map(({ count }) => count)).toEqual([1, 1]);
  });

  it("is told anew when the API server has forgotten it", async () => {
    const api = await apiServer();
    const { events } = await followed(api);
    events.report(web, added);
    const [first] = await api.until("an event", () => api.events().length === 1 && api.events());
    const { name = "", namespace = "" } = first?.metadata ?? {};
    api.remove({ apiVersion: "v1", kind: "Event", metadata: { name, namespace } });
    events.report(web, added);
    await api.until("an event", () => api.events().length === 1);
    expect(api.events()[0]?.metadata.name).not.toBe(name);
  });

  it.each<{ why: string; fault: Fault }>([
    { why: "the API server is overloaded", fault: { does: "answer", answer: ANSWERS.tooMany(0) } },
    { why: "the API server fails", fault: { does: "answer", answer: ANSWERS.unavailable } },
    { why: "the connection breaks", fault: { does: "cut", when: "before" } },
    { why: "only the answer is lost", fault: { does: "cut", when: "after" } },
  ])("is told once though $why", async ({ fault }) => {
    const api = await apiServer();
    const opened = await followed(api);
    api.fail({ verb: "create" }, fault, 2);
    opened.events.report(web, added);
    opened.events.report(keyOfDb, added);
    await api.until("both events", () => api.events().length === 2);
    expect(opened.lost().events).toBe(0);
  });

  it("is dropped after three attempts, and the next one is tried", async () => {
    const api = await apiServer();
    const opened = await followed(api);
    api.reset();
    api.fail({ verb: "create" }, { does: "answer", answer: ANSWERS.unavailable }, 3);
    opened.events.report(web, added);
    opened.events.report(keyOfDb, added);
    await api.until("the second event", () => api.events().length === 1);
    expect(api.events()).toMatchObject([{ involvedObject: { name: "db" } }]);
    expect(opened.lost().events).toBe(1);
    expect(opened.problems).toEqual([expect.stringMatching(/^events: .*503/)]);
  });

  it("is dropped at once when it is not wanted", async () => {
    const api = await apiServer();
    const opened = await followed(api);
    api.reset();
    opened.events.report({ ...web, ...keyOf("web", "gone") }, added);
    await vi.waitFor(() => expect(opened.lost().events).toBe(1));
    expect(api.counts()).toEqual({ "create events": 1 });
  });

  it("is dropped when too many wait", async () => {
    const api = await apiServer();
    const opened = await followed(api);
    api.fail({ verb: "create" }, { does: "hang" });
    for (let index = 0; index <= 1_001; index++) opened.events.report(web, { ...added, message: String(index) });
    expect(opened.lost().events).toBe(1);
    expect(opened.problems).toEqual([expect.stringContaining("more than 1000 wait")]);
  });

  it("is not sent any more after closing", async () => {
    const api = await apiServer();
    const opened = await followed(api);
    api.reset();
    await opened.close();
    opened.events.report(web, added);
    await api.until("no connection", () => api.connections().open === 0);
    expect(api.counts()).toEqual({});
  });
});

const keyOfDb = { ...keyOf("db"), uid: "uid-db" };
