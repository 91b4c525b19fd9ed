import { describe, expect, it } from "vitest";
import { NETWORKS_ANNOTATION } from "../../../daemon/domain/pod.ts";
import { ANSWERS, type Fault } from "../../api-server/faults.ts";
import { pod } from "../../api-server/samples.ts";
import { manualClock } from "../../fakes/manual-clock.ts";
import { apiServer, followed, keyOf, noHurry } from "./cluster.ts";

/** To be had by asking, but never seen by a watch of this node. */
const unseen = pod({
  name: "web",
  uid: "uid-1",
  node: "node-b",
  annotations: { [NETWORKS_ANNOTATION]: "blue", other: "x" },
});
const key = keyOf("web");

describe("a pod that is known", () => {
  it("costs no request", async () => {
    const api = await apiServer();
    api.put(pod({ name: "web" }));
    const { pods } = await followed(api);
    api.reset();
    for (let time = 0; time < 50; time++) await pods.get(key, noHurry);
    expect(api.counts()).toEqual({});
  });

  it("is a new one as soon as the old one was replaced", async () => {
    const api = await apiServer();
    api.put(pod({ name: "web", uid: "uid-old" }));
    const { pods } = await followed(api);
    api.remove(pod({ name: "web" }));
    api.put(pod({ name: "web", uid: "uid-new" }));
    api.put(pod({ name: "later" }));
    await pods.get(keyOf("later"), noHurry);
    expect((await pods.get(key, noHurry))?.uid).toBe("uid-new");
  });
});

describe("a pod that is known, and not the one that the runtime means (issue 11)", () => {
  const isNew = ({ uid }: { readonly uid: string }): boolean => uid === "uid-new";

  it("is waited for until the watch tells of the right one", async () => {
    const api = await apiServer();
    api.put(pod({ name: "web", uid: "uid-old" }));
    const { pods } = await followed(api);
    api.reset();
    const getting = pods.get(key, noHurry, isNew);
    api.put(pod({ name: "web", uid: "uid-between" }));
    api.remove(pod({ name: "web" }));
    api.put(pod({ name: "web", uid: "uid-new" }));
    expect((await getting)?.uid).toBe("uid-new");
    expect(api.counts()).toEqual({});
  });

  it("is asked for once when the watch lags", async () => {
    const api = await apiServer();
    api.put(pod({ name: "web", uid: "uid-old" }));
    const { pods } = await followed(api, { podWaitMs: 1 });
    for (const watch of api.watches()) watch.suffer("silent");
    api.put(pod({ name: "web", uid: "uid-new" }));
    expect((await pods.get(key, noHurry, isNew))?.uid).toBe("uid-new");
    expect(api.counts()).toMatchObject({ "get pods": 1 });
  });

  it("is the answer when the API server knows no other", async () => {
    const api = await apiServer();
    api.put(pod({ name: "web", uid: "uid-old" }));
    const { pods } = await followed(api, { podWaitMs: 1 });
    expect((await pods.get(key, noHurry, isNew))?.uid).toBe("uid-old");
    expect(api.counts()).toMatchObject({ "get pods": 1 });
  });
});

describe("a pod that is not known", () => {
  it("is given to all who wait for it as soon as it is seen (T057)", async () => {
    const api = await apiServer();
    const { pods } = await followed(api);
    api.reset();
    const getting = [pods.get(key, noHurry), pods.get(key, noHurry), pods.get(keyOf("web"), noHurry)];
    api.put(pod({ name: "other" }));
    api.put(pod({ name: "web", uid: "uid-1" }));
    expect((await Promise.all(getting)).map((found) => found?.uid)).toEqual(["uid-1", "uid-1", "uid-1"]);
    expect(api.counts()).toEqual({});
  });

  it("is asked for after a while, slimmed like one that is seen (T058)", async () => {
    const api = await apiServer();
    api.put(unseen);
    const { pods } = await followed(api, { podWaitMs: 1 });
    const found = { ...key, uid: "uid-1", annotations: { [NETWORKS_ANNOTATION]: "blue" } };
    expect(await pods.get(key, noHurry)).toEqual(found);
  });

  it("is asked for once by all who want it", async () => {
    const api = await apiServer();
    api.put(unseen);
    const { pods } = await followed(api, { podWaitMs: 0 });
    const found = await Promise.all(Array.from({ length: 50 }, () => pods.get(key, noHurry)));
    expect(new Set(found.map((one) => one?.uid))).toEqual(new Set(["uid-1"]));
    expect(api.counts()).toMatchObject({ "get pods": 1 });
  });

  it("is asked for again the next time: the answer is not kept", async () => {
    const api = await apiServer();
    api.put(unseen);
    const { pods } = await followed(api, { podWaitMs: 0 });
    await pods.get(key, noHurry);
    api.remove(unseen);
    expect(await pods.get(key, noHurry)).toBeUndefined();
    expect(api.counts()).toMatchObject({ "get pods": 2 });
  });

  it("does not keep one who has gone from the others", async () => {
    const api = await apiServer();
    api.put(unseen);
    api.fail({ verb: "get" }, { does: "delay", ms: 50 });
    const { pods } = await followed(api, { podWaitMs: 0 });
    const hurry = new AbortController();
    const impatient = pods.get(key, hurry.signal);
    const patient = pods.get(key, noHurry);
    await api.until("a request", () => api.counts()["get pods"] === 1);
    hurry.abort();
    expect([await impatient, (await patient)?.uid]).toEqual([undefined, "uid-1"]);
  });

  it.each<{ why: string; fault: Fault; problem: string }>([
    { why: "the API server fails", fault: { does: "answer", answer: ANSWERS.unavailable }, problem: "503" },
    { why: "the API server is overloaded", fault: { does: "answer", answer: ANSWERS.tooMany(1) }, problem: "429" },
    { why: "the connection breaks", fault: { does: "cut", when: "amid" }, problem: "no answer" },
    { why: "the answer is garbled", fault: { does: "answer", answer: ANSWERS.garbled }, problem: "not JSON" },
  ])("stays unknown when $why", async ({ fault, problem }) => {
    const api = await apiServer();
    api.put(unseen);
    const opened = await followed(api, { podWaitMs: 0 });
    api.fail({ verb: "get" }, fault);
    expect(await opened.pods.get(key, noHurry)).toBeUndefined();
    expect(opened.problems).toEqual([expect.stringContaining(problem)]);
    expect(api.counts()).toMatchObject({ "get pods": 1 });
  });

  it("is asked for 20 times at once and 10 times a second, whoever it is", async () => {
    const api = await apiServer();
    const clock = manualClock();
    const { pods, problems } = await followed(api, { podWaitMs: 0, clock });
    const askForMany = () => Promise.all(Array.from({ length: 50 }, (_, n) => pods.get(keyOf(`p${n}`), noHurry)));
    await askForMany();
    const atOnce = api.counts()["get pods"];
    clock.advance(1_000);
    await askForMany();
    expect([atOnce, api.counts()["get pods"]]).toEqual([20, 30]);
    expect(problems).toContainEqual(expect.stringContaining("too many"));
  });

  it("is not waited for any more after closing", async () => {
    const api = await apiServer();
    const opened = await followed(api);
    const getting = opened.pods.get(key, noHurry);
    await opened.close();
    expect(await getting).toBeUndefined();
  });
});
