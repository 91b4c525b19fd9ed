import { describe, expect, it, vi } from "vitest";
import type { StatusTarget } from "../../../daemon/ports/status-board.ts";
import { ANSWERS, type Fault } from "../../api-server/faults.ts";
import { pod } from "../../api-server/samples.ts";
import type { ApiServer } from "../../api-server/start-api-server.ts";
import { sandboxId } from "../../contracts/journal.samples.ts";
import { apiServer, followed, keyOf, noHurry } from "./cluster.ts";

const NETWORK_STATUS = "k8s.v1.cni.cncf.io/network-status";
const STATUS = '[{\n    "name": "blue"\n}]';
const web = pod({ name: "web", uid: "uid-web", annotations: { theirs: "kept" } });
const target: StatusTarget = {
  sandbox: sandboxId("a1"),
  pod: keyOf("web"),
  podUid: "uid-web",
  annotation: NETWORK_STATUS,
};
const db: StatusTarget = { ...target, sandbox: sandboxId("b2"), pod: keyOf("db"), podUid: "" };

function statusOf(api: ApiServer, name = "web"): string | undefined {
  return api.get(pod({ name }))?.metadata.annotations?.[NETWORK_STATUS];
}

const BRIEFLY = { statusWaitMs: 150 };

describe("a network status", () => {
  it("is one merge patch of one annotation of the pod's status, and nothing else", async () => {
    const api = await apiServer();
    api.put(web);
    const { statusBoard } = await followed(api);
    api.reset();
    await statusBoard.publish(target, STATUS, noHurry);
    expect(api.requests()).toMatchObject([
      {
        method: "PATCH",
        path: "/api/v1/namespaces/default/pods/web/status",
        headers: { "content-type": "application/merge-patch+json" },
        body: JSON.stringify({ metadata: { uid: "uid-web", annotations: { [NETWORK_STATUS]: STATUS } } }),
      },
    ]);
    expect(api.get(web)?.metadata.annotations).toEqual({ theirs: "kept", [NETWORK_STATUS]: STATUS });
  });

  it("may stand in another annotation", async () => {
    const api = await apiServer();
    api.put(web);
    const { statusBoard } = await followed(api);
    await statusBoard.publish({ ...target, annotation: "example.org/status" }, STATUS, noHurry);
    expect(api.get(web)?.metadata.annotations).toEqual({ theirs: "kept", "example.org/status": STATUS });
  });

  it("names no UID that is not known", async () => {
    const api = await apiServer();
    api.put(web);
    const { statusBoard } = await followed(api);
    api.reset();
    await statusBoard.publish({ ...target, podUid: "" }, "[]", noHurry);
    expect(api.requests().map(({ body }) => body)).toEqual([
      JSON.stringify({ metadata: { annotations: { [NETWORK_STATUS]: "[]" } } }),
    ]);
  });

  it("of a pod that is gone is no matter", async () => {
    const api = await apiServer();
    const { statusBoard } = await followed(api);
    api.reset();
    await expect(statusBoard.publish(target, STATUS, noHurry)).resolves.toBeUndefined();
    expect(api.counts()).toEqual({ "patch pods/status": 1 });
  });

  it("does not go to a namesake (T239)", async () => {
    const api = await apiServer();
    api.put({ ...web, metadata: { ...web.metadata, uid: "uid-other" } });
    const { statusBoard } = await followed(api);
    api.reset();
    await expect(statusBoard.publish(target, STATUS, noHurry)).resolves.toBeUndefined();
    expect(statusOf(api)).toBeUndefined();
    expect(api.counts()).toEqual({ "patch pods/status": 1 });
  });

  it.each<{ why: string; fault: Fault }>([
    { why: "somebody else's write was in the way (T238, T39)", fault: { does: "answer", answer: conflict() } },
    { why: "the API server is overloaded", fault: { does: "answer", answer: ANSWERS.tooMany(0) } },
    { why: "the API server fails", fault: { does: "answer", answer: ANSWERS.internalError } },
    { why: "a load balancer answers", fault: { does: "answer", answer: ANSWERS.badGateway } },
    { why: "the connection breaks", fault: { does: "cut", when: "before" } },
    { why: "the answer breaks off", fault: { does: "cut", when: "amid" } },
    { why: "200 comes with half an object (issue 11)", fault: { does: "answer", answer: ANSWERS.garbled } },
    { why: "200 comes with a page of a captive portal", fault: { does: "answer", answer: ok("text/html", "<html>") } },
    { why: "200 comes with nothing", fault: { does: "answer", answer: ok("application/json", "") } },
    {
      why: "200 comes with another pod",
      fault: {
        does: "answer",
        answer: ok("application/json", '{"metadata":{"name":"db","namespace":"default","annotations":{}}}'),
      },
    },
    {
      why: "200 comes with the pod as it was",
      fault: {
        does: "answer",
        answer: ok(
          "application/json",
          '{"metadata":{"name":"web","namespace":"default","annotations":{"theirs":"kept"}}}',
        ),
      },
    },
    {
      why: "404 comes from something else",
      fault: { does: "answer", answer: { ...ok("text/html", "gone"), code: 404 } },
    },
  ])("is written again when $why", async ({ fault }) => {
    const api = await apiServer();
    api.put(web);
    const { statusBoard } = await followed(api);
    api.reset();
    api.fail({ verb: "patch" }, fault, 2);
    await statusBoard.publish(target, STATUS, noHurry);
    expect(statusOf(api)).toBe(STATUS);
    expect(Object.keys(api.counts())).toEqual(["patch pods/status"]);
  });

  it("too long for an annotation is refused for good", async () => {
    const api = await apiServer();
    api.put(web);
    const { statusBoard } = await followed(api);
    await expect(statusBoard.publish(target, "x".repeat(300_000), noHurry)).rejects.toMatchObject({
      kind: "not-allowed",
      code: 108,
      message: expect.stringMatching(/network status of pod default\/web: .* 422: .*Too long/),
    });
  });
});

describe("a network status that is refused (issue 11)", () => {
  const RBAC = 'pods "web" is forbidden: User "plexus" cannot patch resource "pods/status" in API group ""';
  const hasty = { ...BRIEFLY, askAgainMs: 20 };

  it.each([
    { why: "the token is not good", answer: refusal(401, "Unauthorized") },
    { why: "the service account lacks the permission", answer: refusal(403, RBAC) },
  ])("makes the node unready until it is taken: $why", async ({ answer }) => {
    const api = await apiServer();
    api.put(web);
    const opened = await followed(api, hasty);
    expect(opened.statusProblem()).toBeUndefined();
    api.fail({ verb: "patch" }, { does: "answer", answer }, Infinity);
    await expect(opened.statusBoard.publish(target, STATUS, noHurry)).rejects.toMatchObject({
      kind: "not-allowed",
      message: expect.stringContaining(String(answer.code)),
    });
    expect(opened.statusProblem()).toContain(String(answer.code));
    const rehearsals = () => api.requests().filter(({ query }) => query["dryRun"] === "All").length;
    await api.until("three rehearsals", () => rehearsals() >= 3);
    expect(opened.statusProblem()).toContain(String(answer.code));
    api.heal();
    await vi.waitFor(() => expect(opened.statusProblem()).toBeUndefined());
    // A rehearsal writes nothing.
    expect(statusOf(api)).toBeUndefined();
  });

  it("of one pod by a policy leaves the node ready; of two does not", async () => {
    const api = await apiServer();
    const opened = await followed(api, { ...hasty, askAgainMs: 3_600_000 });
    const answer = refusal(403, "admission webhook denied the request");
    api.fail({ verb: "patch" }, { does: "answer", answer }, Infinity);
    const publish = (to: StatusTarget) => opened.statusBoard.publish(to, STATUS, noHurry);
    await expect(publish(target)).rejects.toMatchObject({ kind: "not-allowed" });
    await expect(publish(target)).rejects.toMatchObject({ kind: "not-allowed" });
    expect(opened.statusProblem()).toBeUndefined();
    await expect(publish(db)).rejects.toMatchObject({ kind: "not-allowed" });
    expect(opened.statusProblem()).toContain("admission webhook denied the request");
  });

  it("is no matter any more when another is taken", async () => {
    const api = await apiServer();
    api.put(web);
    const opened = await followed(api, { ...hasty, askAgainMs: 3_600_000 });
    api.fail({ verb: "patch" }, { does: "answer", answer: refusal(403, RBAC) }, Infinity);
    await expect(opened.statusBoard.publish(target, STATUS, noHurry)).rejects.toMatchObject({ kind: "not-allowed" });
    api.heal();
    await opened.statusBoard.publish(target, STATUS, noHurry);
    expect(opened.statusProblem()).toBeUndefined();
  });
});

describe("when the API server stays away", () => {
  it("publishing fails, to be tried again by the runtime", async () => {
    const api = await apiServer();
    const { statusBoard } = await followed(api, BRIEFLY);
    await api.down();
    await expect(statusBoard.publish(target, STATUS, noHurry)).rejects.toMatchObject({
      kind: "try-again-later",
      message: expect.stringMatching(/network status of pod default\/web: no answer/),
    });
  });

  it("nobody waits for a server that wants to be left alone longer than there is time", async () => {
    const api = await apiServer();
    const { statusBoard } = await followed(api);
    api.fail({ verb: "patch" }, { does: "answer", answer: ANSWERS.tooMany(30) });
    await expect(statusBoard.publish(target, STATUS, noHurry)).rejects.toMatchObject({ kind: "try-again-later" });
    expect(api.counts()).toMatchObject({ "patch pods/status": 1 });
  });

  it("publishing ends when the signal is raised", async () => {
    const api = await apiServer();
    const { statusBoard } = await followed(api, { statusMode: "queue" });
    api.reset();
    api.fail({ verb: "patch" }, { does: "hang" });
    const hurry = new AbortController();
    const publishing = statusBoard.publish(target, STATUS, hurry.signal);
    await api.until("a request", () => api.requests().length === 1);
    hurry.abort();
    await expect(publishing).rejects.toMatchObject({ kind: "try-again-later" });
  });
});

describe("in a queue", () => {
  const queued = { ...BRIEFLY, statusMode: "queue" } as const;

  it("statuses are written when the API server is back, the latest of each pod", async () => {
    const api = await apiServer();
    api.put(web);
    api.put(pod({ name: "db", uid: "uid-db" }));
    const { statusBoard } = await followed(api, queued);
    await api.down();
    await statusBoard.publish(target, "[1]", noHurry);
    await statusBoard.publish({ ...db, podUid: "uid-db" }, "[2]", noHurry);
    await statusBoard.publish(target, "[3]", noHurry);
    api.reset();
    await api.up();
    await vi.waitFor(() => expect([statusOf(api), statusOf(api, "db")]).toEqual(["[3]", "[2]"]), 3_000);
    expect(api.counts()).toMatchObject({ "patch pods/status": 2 });
  });

  it("a status is not overtaken by an older one", async () => {
    const api = await apiServer();
    api.put(web);
    const { statusBoard } = await followed(api, { statusMode: "queue" });
    api.reset();
    api.fail({ verb: "patch" }, { does: "answer", answer: ANSWERS.tooMany(30) });
    api.fail({ verb: "patch" }, { does: "delay", ms: 50 });
    await statusBoard.publish(target, "[1]", noHurry);
    await api.until("the older one on its way", () => api.counts()["patch pods/status"] === 2);
    await statusBoard.publish(target, "[2]", noHurry);
    await vi.waitFor(() => expect(statusOf(api)).toBe("[2]"));
  });

  it("a status is written at once when nothing is queued", async () => {
    const api = await apiServer();
    api.put(web);
    const { statusBoard } = await followed(api, { statusMode: "queue" });
    await statusBoard.publish(target, STATUS, noHurry);
    expect(statusOf(api)).toBe(STATUS);
  });

  it("a sandbox that is gone leaves nothing behind", async () => {
    const api = await apiServer();
    api.put(web);
    api.put(pod({ name: "db" }));
    const { statusBoard } = await followed(api, queued);
    await api.down();
    await statusBoard.publish(target, "[1]", noHurry);
    await statusBoard.publish(db, "[2]", noHurry);
    await statusBoard.withdraw(target.sandbox);
    await api.up();
    await vi.waitFor(() => expect(statusOf(api, "db")).toBe("[2]"), 3_000);
    expect(statusOf(api)).toBeUndefined();
  });

  it("one that is refused for good does not hold up the others", async () => {
    const api = await apiServer();
    api.put(web);
    api.put(pod({ name: "db" }));
    const opened = await followed(api, queued);
    await api.down();
    await opened.statusBoard.publish(target, "x".repeat(300_000), noHurry);
    await opened.statusBoard.publish(db, "[2]", noHurry);
    await api.up();
    await vi.waitFor(() => expect(statusOf(api, "db")).toBe("[2]"), 3_000);
    await vi.waitFor(() => expect(opened.problems).toContainEqual(expect.stringMatching(/network statuses: .*422/)));
  });

  it("the oldest is dropped when there are too many, and that is told", async () => {
    const api = await apiServer();
    for (const name of ["p0", "p1", "p1000"]) api.put(pod({ name }));
    const opened = await followed(api, queued);
    await api.down();
    for (let index = 0; index <= 1_000; index++) {
      const other = { ...db, sandbox: sandboxId(`s${index}`), pod: keyOf(`p${index}`) };
      await opened.statusBoard.publish(other, "[]", noHurry);
    }
    await api.up();
    await vi.waitFor(() => expect(statusOf(api, "p1000")).toBe("[]"), 4_000);
    expect(opened.lost()).toEqual({ events: 0, statuses: 1 });
    expect(opened.problems).toContainEqual(expect.stringContaining("network statuses lost: "));
  });
});

function conflict() {
  const message = 'Operation cannot be fulfilled on pods "web": the object has been modified';
  const body = JSON.stringify({
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    reason: "Conflict",
    code: 409,
    message,
  });
  return { code: 409, contentType: "application/json", body };
}

function ok(contentType: string, body: string) {
  return { code: 200, contentType, body };
}

function refusal(code: number, message: string) {
  const body = JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code, message });
  return { code, contentType: "application/json", body };
}
