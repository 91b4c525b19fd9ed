import { describe, expect, it, vi } from "vitest";
import { namespace } from "../../../daemon/domain/ids.ts";
import { ANSWERS, type Fault, type PlainAnswer } from "../../api-server/faults.ts";
import { NADS, PODS } from "../../api-server/resources.ts";
import { nad, pod } from "../../api-server/samples.ts";
import type { ApiServer } from "../../api-server/start-api-server.ts";
import type { WatchMishap } from "../../api-server/watching.ts";
import { apiServer, followed, keyOf, noHurry, NODE, type Opened, openOn } from "./cluster.ts";

const web = pod({ name: "web", uid: "uid-web" });
const late = pod({ name: "late", uid: "uid-late" });
const answers = (answer: PlainAnswer): Fault => ({ does: "answer", answer });

/** Waits until it is known, however long the watch needs. */
async function arrives(opened: Opened, name: string): Promise<string | undefined> {
  return (await opened.pods.get(keyOf(name), noHurry))?.uid;
}

async function networkConfig(opened: Opened, name: string, config: string | undefined): Promise<void> {
  await vi.waitFor(() => expect(opened.networks.get(namespace("default"), name)?.config).toBe(config));
}

function listsOf(api: ApiServer, plural: string): readonly Readonly<Record<string, string>>[] {
  return api.requests().flatMap(({ label, query }) => (label === `list ${plural}` ? [query] : []));
}

describe("following", () => {
  it("knows what there is, and what comes, changes and goes", async () => {
    const api = await apiServer();
    api.put(nad({ name: "blue", config: "1" }));
    const opened = await followed(api);
    await networkConfig(opened, "blue", "1");
    api.put(nad({ name: "red", config: "2" }));
    await networkConfig(opened, "red", "2");
    api.put(nad({ name: "red", config: "3" }));
    await networkConfig(opened, "red", "3");
    api.remove(nad({ name: "red" }));
    await networkConfig(opened, "red", undefined);
    expect(opened.problems).toEqual([]);
  });

  it("asks for the pods of this node alone, for their metadata, and for bookmarks", async () => {
    const api = await apiServer();
    await followed(api);
    const asked = api.requests().filter(({ path }) => path === "/api/v1/pods");
    const selector = { fieldSelector: `spec.nodeName=${NODE}` };
    expect(asked.map(({ query }) => query)).toMatchObject([
      { ...selector, resourceVersion: "0" },
      { ...selector, allowWatchBookmarks: "true", resourceVersion: api.revision() },
    ]);
    expect(asked.map(({ headers }) => headers.accept)).toEqual([
      expect.stringContaining("as=PartialObjectMetadataList"),
      expect.stringContaining("as=PartialObjectMetadata;"),
    ]);
  });

  it("lets the server end a watch after 5 to 10 minutes", async () => {
    const api = await apiServer();
    await followed(api, { random: () => 0.5 });
    expect(api.watches(PODS).map(({ query }) => query.get("timeoutSeconds"))).toEqual(["450"]);
  });

  it("sees no pod of another node", async () => {
    const api = await apiServer();
    api.put(pod({ name: "elsewhere", node: "node-b" }));
    const opened = await followed(api, { podWaitMs: 0 });
    api.reset();
    await opened.pods.get(keyOf("elsewhere"), noHurry);
    expect(api.counts()).toEqual({ "get pods": 1 });
  });

  it("sees a pod when it is scheduled here", async () => {
    const api = await apiServer();
    api.put(pod({ name: "web", node: "" }));
    const opened = await followed(api);
    const getting = arrives(opened, "web");
    api.put(pod({ name: "web", uid: "uid-here" }));
    expect(await getting).toBe("uid-here");
  });

  it("reads networks page by page", async () => {
    const api = await apiServer();
    for (let index = 0; index < 1_201; index++) api.put(nad({ name: `n${index}`, config: String(index) }));
    const opened = await followed(api);
    expect(listsOf(api, "network-attachment-definitions").map(({ limit }) => limit)).toEqual(["500", "500", "500"]);
    expect(opened.connected).toContain("network-attachment-definitions: 1201");
    await networkConfig(opened, "n1200", "1200");
  });

  it("begins again when the pages expire half-way, and has none twice", async () => {
    const api = await apiServer();
    for (let index = 0; index < 600; index++) api.put(nad({ name: `n${index}`, config: "" }));
    api.fail({ verb: "list", resource: "network-attachment-definitions" }, { does: "delay", ms: 1 });
    api.fail({ verb: "list", resource: "network-attachment-definitions" }, answers(ANSWERS.gone));
    const opened = await followed(api);
    expect(listsOf(api, "network-attachment-definitions").map((query) => "continue" in query)).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect(opened.connected).toContain("network-attachment-definitions: 600");
  });
});

describe("when a watch goes wrong", () => {
  it.each<{ why: string; mishap: WatchMishap; lists: number }>([
    { why: "the server ends it: it goes on where it was", mishap: "ends", lists: 0 },
    { why: "the connection breaks: it goes on where it was", mishap: "cut", lists: 0 },
    { why: "the connection breaks within an event: it goes on where it was", mishap: "cut in an event", lists: 0 },
    { why: "a line makes no sense: it goes on where it was", mishap: "garbled", lists: 0 },
    { why: "an event is of no known type: it goes on where it was", mishap: "unknown event", lists: 0 },
    { why: "the server reports an error: it goes on where it was", mishap: "failed", lists: 0 },
    { why: "the version has expired: it lists again", mishap: "expired", lists: 1 },
  ])("$why", async ({ mishap, lists }) => {
    const api = await apiServer();
    api.put(web);
    const opened = await followed(api);
    api.bookmark();
    api.reset();
    api.disturb(mishap, PODS);
    await api.until("another watch", () => api.counts()["watch pods"] === 1);
    api.put(late);
    expect(await arrives(opened, "late")).toBe("uid-late");
    expect(listsOf(api, "pods")).toHaveLength(lists);
  });

  it("misses nothing of what happens meanwhile", async () => {
    const api = await apiServer();
    api.put(nad({ name: "old", config: "1" }));
    const opened = await followed(api);
    await api.down();
    api.put(nad({ name: "new", config: "2" }));
    api.remove(nad({ name: "old" }));
    await api.up();
    await networkConfig(opened, "new", "2");
    await networkConfig(opened, "old", undefined);
  });

  it.each(["event", "status"] as const)("notices deletions when the version has expired by %s", async (expiry) => {
    const api = await apiServer({ expiry });
    api.put(nad({ name: "old", config: "1" }));
    const opened = await followed(api);
    await api.down();
    api.remove(nad({ name: "old" }));
    api.put(nad({ name: "new", config: "2" }));
    api.compact();
    await api.up();
    await networkConfig(opened, "new", "2");
    expect(opened.networks.get(namespace("default"), "old")).toBeUndefined();
  });

  it("lists pods not older than what it knows after a version has expired", async () => {
    const api = await apiServer();
    const opened = await followed(api);
    api.put(web);
    await arrives(opened, "web");
    const known = api.revision();
    api.reset();
    api.disturb("expired", PODS);
    await api.until("another list", () => listsOf(api, "pods").length === 1);
    expect(listsOf(api, "pods")[0]).toMatchObject({ resourceVersion: known, resourceVersionMatch: "NotOlderThan" });
  });

  it("asks the database when the server's memory lags behind", async () => {
    const api = await apiServer();
    const opened = await followed(api);
    api.reset();
    api.fail({ verb: "list", resource: "pods" }, answers(ANSWERS.gone));
    api.disturb("expired", PODS);
    await api.until("two lists", () => listsOf(api, "pods").length === 2);
    api.put(late);
    expect(await arrives(opened, "late")).toBe("uid-late");
    expect(listsOf(api, "pods")[1]).toMatchObject({ limit: "500" });
  });

  it("survives a storm of expired versions", async () => {
    const api = await apiServer();
    const opened = await followed(api);
    api.fail({ verb: "watch", resource: "pods" }, answers(ANSWERS.gone), 3);
    api.disturb("expired", PODS);
    api.put(late);
    expect(await arrives(opened, "late")).toBe("uid-late");
    await api.until("a watch", () => api.watches(PODS).length === 1);
  });

  it("understands an event that arrives in pieces, even of characters", async () => {
    const api = await apiServer({ chunkBytes: 7 });
    const opened = await followed(api);
    api.put(pod({ name: "pieces", uid: "uid-1", annotations: { "kubernetes.io/config.source": "ﬁle—€" } }));
    expect(await opened.pods.get(keyOf("pieces"), noHurry)).toMatchObject({
      annotations: { "kubernetes.io/config.source": "ﬁle—€" },
    });
  });
});

describe("when the API server does not answer as wished", () => {
  it.each<{ why: string; fault: Fault; problem: string }>([
    { why: "it is overloaded", fault: answers(ANSWERS.tooMany(0)), problem: "429" },
    { why: "its database is away", fault: answers(ANSWERS.internalError), problem: "500" },
    { why: "a load balancer answers", fault: answers(ANSWERS.badGateway), problem: "502" },
    { why: "the answer is garbled", fault: answers(ANSWERS.garbled), problem: "not JSON" },
    { why: "the answer breaks off", fault: { does: "cut", when: "amid" }, problem: "no answer" },
    { why: "there is no answer", fault: { does: "cut", when: "before" }, problem: "no answer" },
  ])("$why: it says so, and tries again", async ({ fault, problem }) => {
    const api = await apiServer();
    api.put(web);
    api.fail({ verb: "list", resource: "pods" }, fault, 2);
    const opened = await followed(api);
    expect(await arrives(opened, "web")).toBe("uid-web");
    expect(opened.problems).toEqual([expect.stringMatching(`^pods: .*${problem}`)]);
    expect(opened.connected).toContain("pods: 1");
  });

  it("waits for a server that is not there yet", async () => {
    const api = await apiServer();
    api.put(web);
    await api.down();
    const opened = openOn(api);
    const getting = arrives(opened, "web");
    await vi.waitFor(() => expect(opened.problems).toContainEqual(expect.stringContaining("ECONNREFUSED")));
    await api.up();
    expect(await getting).toBe("uid-web");
  });

  it("tells who lacks permission what to do", async () => {
    const api = await apiServer({ rules: [] });
    const opened = openOn(api);
    await vi.waitFor(() => expect(opened.problems).toHaveLength(2));
    expect(opened.problems[0]).toMatch(/^pods: .* 403: .*cannot list.*permissions of the daemon's service account/);
  });

  it("finds the networks when their kind is installed later", async () => {
    const api = await apiServer({ without: [NADS] });
    const opened = openOn(api);
    await vi.waitFor(() => expect(opened.problems).toContainEqual(expect.stringContaining("404")));
    api.install(NADS);
    api.put(nad({ name: "blue", config: "1" }));
    await vi.waitFor(() => expect(opened.synced().networks).toBe(true), 3_000);
    await networkConfig(opened, "blue", "1");
  });

  it("passes over an object that it cannot understand", async () => {
    const api = await apiServer();
    api.put({ ...nad({ name: "odd" }), spec: { config: 7 } });
    api.put(nad({ name: "blue", config: "1" }));
    const opened = await followed(api);
    expect(opened.connected).toContain("network-attachment-definitions: 1");
    expect(opened.problems).toEqual([expect.stringContaining("passed over")]);
  });
});

it("tells of a problem and of its end, each time", async () => {
  const api = await apiServer();
  const opened = await followed(api);
  const refusals = () => opened.problems.filter((line) => /^pods: .*ECONNREFUSED/.test(line)).length;
  for (const round of [1, 2]) {
    await api.down();
    await vi.waitFor(() => expect(refusals()).toBe(round), 3_000);
    await api.up();
    api.put(pod({ name: `web-${round}` }));
    await arrives(opened, `web-${round}`);
  }
  expect(opened.connected.filter((line) => line.startsWith("pods"))).toEqual(["pods: 0", "pods: 1", "pods: 2"]);
});

describe("networks that are too large", () => {
  const config = (bytes: number): string => JSON.stringify({ type: "bridge", padding: "x".repeat(bytes) });

  it("are known by name and by what is wrong, and hide no other (issue 11)", async () => {
    const api = await apiServer();
    for (let index = 0; index < 40; index++) api.put(nad({ name: `large-${index}`, config: config(500_000) }));
    api.put(nad({ name: "small", config: "1" }));
    const opened = await followed(api);
    expect(opened.networks.get(namespace("default"), "small")?.config).toBe("1");
    expect(opened.networks.get(namespace("default"), "large-39")).toMatchObject({
      config: "",
      problem: "its spec.config has 500030 bytes, more than 65536 (maxNetworkConfigBytes)",
    });
    expect(opened.problems).toHaveLength(21);
    expect(opened.problems).toContain(
      "network-attachment-definitions default/large-0: its spec.config has 500030 bytes, more than 65536 (maxNetworkConfigBytes)",
    );
    // 41 objects make an answer of 20 MB.
    const limits = listsOf(api, "network-attachment-definitions").map(({ limit }) => limit);
    expect(limits.slice(0, 3)).toEqual(["500", "62", "7"]);
  });

  it("are known again when they have shrunk, and pods' annotations are read in pages too", async () => {
    const api = await apiServer();
    api.put(nad({ name: "blue", config: config(70_000) }));
    for (let index = 0; index < 90; index++) {
      api.put(pod({ name: `web-${index}`, annotations: { other: "x".repeat(200_000) } }));
    }
    const opened = await followed(api);
    await networkConfig(opened, "blue", "");
    api.put(nad({ name: "blue", config: "1" }));
    await networkConfig(opened, "blue", "1");
    expect(opened.networks.get(namespace("default"), "blue")).not.toHaveProperty("problem");
    expect(await arrives(opened, "web-89")).toBeDefined();
  });
});
