import { describe, expect, it } from "vitest";
import { isSandboxId } from "../../../daemon/domain/ids.ts";
import { fails } from "../../fakes/scripted-plugin-runner.ts";
import { addRequest, delRequest, obedient, said, sandbox, stage, type StageOptions } from "../stage.ts";

const MACVLAN = '{"cniVersion":"1.0.0","name":"macv","type":"macvlan","master":"eht7"}';
const CORRECTED = '{"cniVersion":"1.0.0","name":"macv","type":"macvlan","master":"eth7"}';
const typo = fails('{"code":999,"msg":"Link not found"}');

/** A node where macvlan fails every verb while its conf has the typo, as the real one does. */
function typoStage(options: StageOptions = {}) {
  return stage({
    annotation: "macv",
    nads: { macv: MACVLAN },
    script: (run) => (run.type === "macvlan" && run.stdin.includes("eht7") ? typo : obedient(run)),
    ...options,
  });
}

const named = (id: string) => (isSandboxId(id) ? id : expect.fail(`${id} is no container id`));
const HOUR_MS = 3_600_000;

describe("a network with a typo", () => {
  it("fails the ADD, is listed at once, and lets the runtime's DEL succeed", async () => {
    const node = typoStage();
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow("Link not found");
    expect(node.backlog.list()).toMatchObject([
      { containerId: "abc", ifName: "net1", network: "shop/macv", released: false, attempts: 1 },
    ]);
    await node.del(delRequest, node.scope());
    expect(node.backlog.list()).toMatchObject([{ ifName: "net1", released: true, worked: false, attempts: 2 }]);
    expect(await node.journal.read(sandbox)).toMatchObject({ attachments: [{ ifName: "net1", state: "released" }] });
    await node.del(delRequest, node.scope());
  });

  it("keeps the runtime waiting while its interface is in the namespace", async () => {
    const views: Record<string, "free" | "taken"> = {};
    const node = typoStage({ views });
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow("Link not found");
    views["net1"] = "taken";
    await expect(node.del(delRequest, node.scope())).rejects.toThrow("Link not found");
  });

  it("is cleaned up with the conf of today once its author has corrected it", async () => {
    const node = typoStage();
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow("Link not found");
    await node.del(delRequest, node.scope());
    node.redefine("shop/macv", CORRECTED);
    node.clock.advance(HOUR_MS);
    expect(await node.resume(node.scope())).toEqual({ finished: 1, pending: 0 });
    expect([await node.journal.list(), node.backlog.list()]).toEqual([[], []]);
  });

  it("is not tried again before its pause is over, and each pause is longer", async () => {
    const node = typoStage();
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow("Link not found");
    await node.del(delRequest, node.scope());
    const runs = node.runner.runs.length;
    node.clock.advance(9_999);
    await node.resume(node.scope());
    expect(node.runner.runs.length).toBe(runs);
    node.clock.advance(1);
    await node.resume(node.scope());
    expect(node.runner.runs.length).toBe(runs + 1);
    expect(node.backlog.list()).toMatchObject([{ attempts: 3, nextAttemptAt: node.clock.now() + 20_000 }]);
  });

  it("ends after a day without pod and namespace, with an event and a warning that names what may be left", async () => {
    const views: Record<string, "free" | "netns-gone"> = {};
    const node = typoStage({ views });
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow("Link not found");
    await node.del(delRequest, node.scope());
    Object.assign(views, { eth0: "netns-gone", net1: "netns-gone" });
    node.podBecomes("gone");
    node.clock.advance(23 * HOUR_MS);
    expect(await node.resume(node.scope())).toMatchObject({ pending: 1 });
    node.clock.advance(HOUR_MS);
    expect(await node.resume(node.scope())).toMatchObject({ pending: 0 });
    expect([await node.journal.list(), node.backlog.list()]).toEqual([[], []]);
    expect(node.warnings.at(-1)).toMatch(
      /^gave up the cleanup of interface net1 of network "shop\/macv".*macvlan.*Link not found/,
    );
    expect(node.events.told.at(-1)).toMatch(/^shop\/web Warning CleanupGivenUp /);
  });

  it("stays pending for as long as its pod or its namespace is there", async () => {
    const node = typoStage();
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow("Link not found");
    await node.del(delRequest, node.scope());
    node.clock.advance(100 * HOUR_MS);
    expect(await node.resume(node.scope())).toMatchObject({ pending: 1 });
  });

  it("is one pending cleanup however often the kubelet tries, with the age of the first", async () => {
    const node = typoStage();
    for (const id of ["one", "two", "three"].map(named)) {
      await expect(node.add(addRequest({ sandbox: id }), node.scope())).rejects.toThrow("Link not found");
      await node.del({ ...delRequest, sandbox: id }, node.scope());
      node.clock.advance(10);
    }
    await node.resume(node.scope());
    expect(node.backlog.list()).toMatchObject([{ containerId: "three", since: 0, attempts: 6 }]);
    expect(await node.journal.list()).toEqual(["three"]);
  });

  it("gives way to an ADD of the same sandbox", async () => {
    const node = typoStage();
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow("Link not found");
    await node.del(delRequest, node.scope());
    node.redefine("shop/macv", CORRECTED);
    await node.add(addRequest(), node.scope());
    await node.del(delRequest, node.scope());
    expect(await node.journal.list()).toEqual([]);
  });
});

describe("more pending cleanups than the limit", () => {
  it("end with the oldest", async () => {
    const node = typoStage({ maxPendingCleanups: 1, nads: { macv: MACVLAN, other: MACVLAN } });
    for (const [id, network] of [
      ["one", "macv"],
      ["two", "other"],
    ] as const) {
      node.podAsks(network);
      await expect(node.add(addRequest({ sandbox: named(id) }), node.scope())).rejects.toThrow("Link not found");
      await node.del({ ...delRequest, sandbox: named(id) }, node.scope());
      node.clock.advance(10);
    }
    await node.resume(node.scope());
    expect(node.backlog.list()).toMatchObject([{ containerId: "two" }]);
    expect(node.warnings.at(-1)).toContain("it is the oldest");
  });
});

describe("an attachment that worked", () => {
  const broken = (options: StageOptions = {}) =>
    stage({
      script: (run) => (said(run).startsWith("DEL") ? fails('{"code":11,"msg":"busy"}') : obedient(run)),
      ...options,
    });

  it("keeps the runtime asking while its pod or namespace is there", async () => {
    const node = broken();
    await node.add(addRequest(), node.scope());
    await expect(node.del(delRequest, node.scope())).rejects.toMatchObject({ code: 11 });
    node.podBecomes("gone");
    await expect(node.del(delRequest, node.scope())).rejects.toMatchObject({ code: 11 });
  });

  it("lets it go once both are gone, and is retried", async () => {
    const views: Record<string, "free" | "netns-gone"> = {};
    const node = broken({ views });
    await node.add(addRequest(), node.scope());
    views["eth0"] = "netns-gone";
    await expect(node.del(delRequest, node.scope())).rejects.toMatchObject({ code: 11 });
    node.podBecomes("gone");
    await node.del(delRequest, node.scope());
    expect(node.backlog.list()).toMatchObject([{ released: true, worked: true }]);
  });
});

describe("a plugin that made nothing", () => {
  it.each([
    { why: "refused its ADD for its config, and its DEL likewise", code: 7 },
    { why: "refused its ADD for its version, and its DEL likewise", code: 1 },
  ])("leaves nothing pending when it $why", async ({ code }) => {
    const node = typoStage({
      script: (run) => (run.type === "macvlan" ? fails(`{"code":${code},"msg":"no"}`) : obedient(run)),
    });
    await expect(node.add(addRequest(), node.scope())).rejects.toMatchObject({ code });
    expect([await node.journal.list(), node.backlog.list()]).toEqual([[], []]);
  });

  it("counts when it refuses the DEL for another reason than the ADD", async () => {
    const node = typoStage({
      script: (run) =>
        run.type === "macvlan" ? fails(`{"code":${said(run).startsWith("ADD") ? 7 : 11},"msg":"no"}`) : obedient(run),
    });
    await expect(node.add(addRequest(), node.scope())).rejects.toMatchObject({ code: 7 });
    expect(node.backlog.list()).toMatchObject([{ network: "shop/macv" }]);
  });
});
