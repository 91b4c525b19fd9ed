import { DEFAULT_LIMITS } from "../../../daemon/domain/tenant-limits.ts";
import { describe, expect, it, vi } from "vitest";
import { systemClock } from "../../../daemon/adapters/clock/system-clock.ts";
import { type KubernetesOptions, openKubernetes } from "../../../daemon/adapters/kubernetes/kubernetes.ts";
import { namespace } from "../../../daemon/domain/ids.ts";
import type { StatusTarget } from "../../../daemon/ports/status-board.ts";
import { nad, pod } from "../../api-server/samples.ts";
import { sandboxId } from "../../contracts/journal.samples.ts";
import { refusalOf } from "../../domain/refusal.ts";
import { apiServer, followed, keyOf, noHurry, NODE, openOn } from "./cluster.ts";

describe("opening", () => {
  const options: KubernetesOptions = {
    nodeName: NODE,
    serviceHost: "127.0.0.1",
    podWaitMs: 0,
    statusMode: "sync",
    limits: DEFAULT_LIMITS,
    onProblem: () => undefined,
    onConnected: () => undefined,
    clock: systemClock,
  };

  it.each<{ why: string; without: Partial<KubernetesOptions>; message: string }>([
    { why: "the node's name is not known", without: { nodeName: "" }, message: "the name of this node is not known" },
    {
      why: "there is no sign of an API server",
      without: { serviceHost: undefined },
      message: "it is not known where the API server is",
    },
  ])("is refused when $why", ({ without, message }) => {
    expect(refusalOf(() => openKubernetes({ ...options, ...without }))).toMatchObject({
      kind: "invalid-config",
      message,
    });
  });

  it("takes a kubeconfig", async () => {
    const api = await apiServer();
    const opened = await followed(api, { kubeconfig: api.kubeconfig, serviceHost: undefined });
    expect(opened.synced()).toEqual({ pods: true, networks: true });
  });
});

describe("before it is in sync", () => {
  it("a network is not absent but not known yet", async () => {
    const api = await apiServer({ rules: [] });
    const opened = openOn(api);
    await vi.waitFor(() => expect(opened.problems).toHaveLength(2));
    expect(refusalOf(() => opened.networks.get(namespace("default"), "blue"))).toMatchObject({
      kind: "try-again-later",
      message: "the cluster's network-attachment-definitions are not known yet",
      details: expect.stringContaining("403"),
    });
    expect(opened.synced()).toEqual({ pods: false, networks: false });
  });

  it("a pod may be asked for", async () => {
    const api = await apiServer();
    api.put(pod({ name: "web", uid: "uid-1" }));
    api.fail({ verb: "list" }, { does: "hang" }, Infinity);
    const opened = openOn(api, { podWaitMs: 0 });
    expect((await opened.pods.get(keyOf("web"), noHurry))?.uid).toBe("uid-1");
  });
});

function targetOf(name: string, podUid: string): StatusTarget {
  return { sandbox: sandboxId(name), pod: keyOf(name), podUid, annotation: "k8s.v1.cni.cncf.io/network-status" };
}

it("an ADD costs one PATCH", async () => {
  const api = await apiServer();
  const names = Array.from({ length: 100 }, (_, index) => `web-${index}`);
  api.put(nad({ name: "blue", config: "{}" }));
  for (const name of names) api.put(pod({ name, uid: `uid-${name}` }));
  const { pods, networks, statusBoard } = await followed(api);
  const before = api.connections();
  api.reset();
  const addOne = async (name: string) => {
    const { uid: podUid = "" } = (await pods.get(keyOf(name), noHurry)) ?? {};
    networks.get(namespace("default"), "blue");
    await statusBoard.publish(targetOf(name, podUid), "[]", noHurry);
  };
  await Promise.all(names.map(addOne));
  expect(api.counts()).toEqual({ "patch pods/status": 100 });
  expect(api.connections().total - before.total).toBeLessThanOrEqual(8);
});

it("everything goes on when the token is replaced and the old one no longer taken", async () => {
  const api = await apiServer();
  api.put(pod({ name: "web", uid: "uid-web" }));
  const opened = await followed(api);
  const old = api.requests()[0]?.headers.authorization?.replace("Bearer ", "") ?? "";
  api.rotate();
  api.revoke(old);
  api.reset();
  api.cutConnections();
  await opened.statusBoard.publish(targetOf("web", "uid-web"), "[]", noHurry);
  api.put(pod({ name: "late", uid: "uid-late" }));
  expect((await opened.pods.get(keyOf("late"), noHurry))?.uid).toBe("uid-late");
  expect(api.requests().filter(({ code }) => code === 401)).toEqual([]);
});

it("closing ends everything that is under way", async () => {
  const api = await apiServer();
  const opened = await followed(api);
  await opened.close();
  await api.until("no connection", () => api.connections().open === 0);
  expect(opened.problems).toEqual([]);
});
