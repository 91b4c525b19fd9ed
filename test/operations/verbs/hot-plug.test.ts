import { describe, expect, it } from "vitest";
import { parseCniArgs } from "../../../daemon/domain/cni/args.ts";
import { parseConflist } from "../../../daemon/domain/cni/conf.ts";
import { PlexusError } from "../../../daemon/domain/errors.ts";
import { type IfName, isIfName } from "../../../daemon/domain/ids.ts";
import type { AttachmentOptions } from "../../../daemon/domain/selection.ts";
import type { HotPlugAddRequest } from "../../../daemon/operations/verbs/hot-plug.ts";
import { fails, succeeds } from "../../fakes/scripted-plugin-runner.ts";
import { addRequest, delRequest, netns, obedient, POD_ARGS, said, sandbox, stage, stdinOf } from "../stage.ts";
import type { StageOptions } from "../stage.ts";

const MACVLAN = '{"cniVersion":"1.0.0","name":"hot","type":"macvlan"}';
const failed = (want: object): Error => expect.objectContaining(want) as Error;

function asIfName(text: string): IfName {
  return isIfName(text) ? text : expect.fail(`${text} is not fit`);
}

function request(parts: { conf?: string; ifName?: string; wishes?: AttachmentOptions } = {}): HotPlugAddRequest {
  const { conf = MACVLAN, ifName = "net7", wishes } = parts;
  const conflist = parseConflist(conf, "the conf");
  return {
    sandbox,
    netns,
    netnsMayBeHosts: false,
    ifName: asIfName(ifName),
    args: parseCniArgs(POD_ARGS),
    searchPath: ["/opt/cni/bin"],
    netnsOverride: "",
    source: { network: conflist.name, conflist, selection: wishes },
  };
}

/** A node where one sandbox is attached to its default network and one more. */
async function attachedStage(options: StageOptions = {}) {
  const node = stage({ annotation: "blue", nads: { blue: '{"cniVersion":"1.0.0","type":"ipvlan"}' }, ...options });
  await node.add(addRequest(), node.scope());
  const recorded = async () => (await node.journal.read(sandbox))?.attachments ?? [];
  const names = async () => (await recorded()).map(({ ifName, state }) => `${ifName} ${state}`);
  return { ...node, recorded, names, saidSince: () => node.said().slice(2) };
}

describe("a network that joins a running sandbox", () => {
  it("is attached, told of, and on record beside the others", async () => {
    const node = await attachedStage();
    const result = await node.hotPlug.add(request(), node.scope());
    expect(JSON.parse(result)).toMatchObject({ cniVersion: "1.1.0", ips: [{ address: "10.0.0.9/24" }] });
    expect(await node.names()).toEqual(["eth0 attached", "net1 attached", "net7 attached"]);
    expect((await node.recorded()).at(-1)).toMatchObject({ owner: "eth0", confName: "plexus", hotPlugged: true });
    expect(node.events.told.at(-1)).toBe("shop/web Normal AddedInterface Add net7 [10.0.0.9/24] from hot");
  });

  it("leaves the pod's network status to whoever asked", async () => {
    const node = await attachedStage();
    const before = node.statusBoard.shown(sandbox);
    await node.hotPlug.add(request(), node.scope());
    expect(node.statusBoard.shown(sandbox)).toBe(before);
  });

  it("goes with the pod: its DEL forgets nothing", async () => {
    const node = await attachedStage();
    await node.hotPlug.add(request(), node.scope());
    await node.del(delRequest, node.scope());
    expect(node.saidSince()).toEqual(["ADD net7 macvlan", "DEL net7 macvlan", "DEL net1 ipvlan", "DEL eth0 bridge"]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("keeps its conf's own cniVersion (T292)", async () => {
    const node = await attachedStage();
    await node.hotPlug.add(request({ conf: '{"cniVersion":"0.3.1","name":"hot","type":"macvlan"}' }), node.scope());
    expect(stdinOf(node.runner.runs.at(-1))).toMatchObject({ cniVersion: "0.3.1" });
  });

  it("is told what was asked of it", async () => {
    const node = await attachedStage();
    const wishes = { ips: ["10.1.1.5/24"], mac: "02:00:00:00:00:07", cniArgs: '{"color":"red"}' };
    const conf = '{"cniVersion":"1.0.0","name":"hot","type":"macvlan","capabilities":{"ips":true,"mac":true}}';
    await node.hotPlug.add(request({ conf, wishes }), node.scope());
    const run = node.runner.runs.at(-1);
    expect(stdinOf(run)).toMatchObject({
      runtimeConfig: { ips: ["10.1.1.5/24"], mac: "02:00:00:00:00:07" },
      args: { cni: { color: "red" } },
    });
    expect(run?.env["CNI_ARGS"]).toMatch(/K8S_POD_NAME=web;.*MAC=02:00:00:00:00:07$/);
  });

  it("gives a second flannel notes of its own", async () => {
    const node = await attachedStage({ nads: { blue: '{"cniVersion":"1.0.0","type":"flannel"}' } });
    await node.hotPlug.add(request({ conf: '{"cniVersion":"1.0.0","name":"hot","type":"flannel"}' }), node.scope());
    expect(stdinOf(node.runner.runs.at(-1))).toMatchObject({ dataDir: "/var/lib/cni/flannel/net7" });
  });

  it("that fails is undone, with its code, and the others stand", async () => {
    const node = await attachedStage({
      script: (run) => (said(run) === "ADD net7 macvlan" ? fails('{"code":42,"msg":"no"}') : obedient(run)),
    });
    await expect(node.hotPlug.add(request(), node.scope())).rejects.toThrow(
      failed({ code: 42, message: '[shop/web/uid-1:hot]: error adding container to network "hot": no' }),
    );
    expect(node.saidSince()).toEqual(["ADD net7 macvlan", "DEL net7 macvlan"]);
    expect(await node.names()).toEqual(["eth0 attached", "net1 attached"]);
  });

  it("that prints what cannot be told is undone too", async () => {
    const node = await attachedStage({
      script: (run) => (said(run) === "ADD net7 macvlan" ? succeeds("{") : obedient(run)),
    });
    await expect(node.hotPlug.add(request(), node.scope())).rejects.toThrow(failed({ kind: "decode-failure" }));
    expect(await node.names()).toEqual(["eth0 attached", "net1 attached"]);
  });

  it.each([
    { why: "an interface that the sandbox has", parts: { ifName: "net1" }, kind: "interface-conflict" },
    { why: "the interface of its default network", parts: { ifName: "eth0" }, kind: "interface-conflict" },
    {
      why: "a network that leads to Plexus itself",
      parts: { conf: '{"cniVersion":"1.0.0","name":"hot","type":"plexus"}' },
      kind: "invalid-config",
    },
  ])("is refused as $why, and nothing runs", async ({ parts, kind }) => {
    const node = await attachedStage();
    await expect(node.hotPlug.add(request(parts), node.scope())).rejects.toThrow(failed({ kind }));
    expect(node.saidSince()).toEqual([]);
    expect(await node.names()).toEqual(["eth0 attached", "net1 attached"]);
  });

  it("is refused for a sandbox that nobody would ever delete", async () => {
    const node = stage();
    await expect(node.hotPlug.add(request(), node.scope())).rejects.toThrow(failed({ kind: "unknown-container" }));
    expect(node.said()).toEqual([]);
  });

  it("is refused where something made an interface of that name", async () => {
    const node = await attachedStage({ views: { net7: "taken" } });
    await expect(node.hotPlug.add(request(), node.scope())).rejects.toThrow(failed({ kind: "interface-conflict" }));
    expect(await node.names()).toEqual(["eth0 attached", "net1 attached"]);
  });

  it("needs the pod that it is for", async () => {
    const node = await attachedStage();
    node.podBecomes("gone");
    await expect(node.hotPlug.add(request(), node.scope())).rejects.toThrow(failed({ kind: "try-again-later" }));
  });
});

describe("a DEL of what is not on record", () => {
  it("is refused for a conf that leads to Plexus itself, which would wait for its own end", async () => {
    const node = stage();
    const itself = request({ conf: '{"cniVersion":"1.0.0","name":"hot","type":"plexus"}' });
    await expect(node.hotPlug.del(itself, node.scope())).rejects.toThrow(failed({ kind: "invalid-config" }));
    expect(node.said()).toEqual([]);
  });
});

describe("a hot-plugged network whose ADD was cut short", () => {
  /** As a crash leaves it: intended, and half made. */
  async function cutShort() {
    const node = await attachedStage();
    await node.hotPlug.add(request(), node.scope());
    const record = await node.journal.read(sandbox);
    const attachments = (record?.attachments ?? []).map((attachment) =>
      attachment.ifName === "net7" ? { ...attachment, state: "intended" as const } : attachment,
    );
    await node.journal.write({ ...(record ?? expect.fail("no record")), attachments });
    return { ...node, saidSince: () => node.said().slice(3) };
  }

  it("is taken away when the daemon is back, and only that", async () => {
    const node = await cutShort();
    await node.resume(node.scope());
    expect(node.saidSince()).toEqual(["DEL net7 macvlan"]);
    expect(await node.names()).toEqual(["eth0 attached", "net1 attached"]);
  });

  it("is taken away before it is tried again", async () => {
    const node = await cutShort();
    await node.hotPlug.add(request(), node.scope());
    expect(node.saidSince()).toEqual(["DEL net7 macvlan", "ADD net7 macvlan"]);
  });

  it("goes with the pod", async () => {
    const node = await cutShort();
    await node.del(delRequest, node.scope());
    expect(await node.journal.list()).toEqual([]);
  });

  it("makes neither CHECK nor a second ADD of the pod think that the pod was", async () => {
    const node = await cutShort();
    await expect(node.check(delRequest, node.scope())).resolves.toBeUndefined();
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow(failed({ kind: "interface-conflict" }));
    expect(await node.names()).toEqual(["eth0 attached", "net1 attached", "net7 intended"]);
  });
});

describe("a network that leaves a running sandbox", () => {
  it("is detached from its record, and the others stand", async () => {
    const node = await attachedStage();
    await node.hotPlug.add(request(), node.scope());
    await node.hotPlug.del(request({ conf: '{"name":"another","type":"other"}' }), node.scope());
    expect(node.saidSince()).toEqual(["ADD net7 macvlan", "DEL net7 macvlan"]);
    expect(stdinOf(node.runner.runs.at(-1))).toHaveProperty("prevResult");
    expect(await node.names()).toEqual(["eth0 attached", "net1 attached"]);
  });

  it("may be one that came with the pod; when that fails the pod is left hotPlugged, and it is tried again (T293)", async () => {
    let broken = true;
    const node = await attachedStage({
      script: (run) => (broken && said(run) === "DEL net1 ipvlan" ? fails('{"code":42,"msg":"no"}') : obedient(run)),
    });
    const leaving = request({ ifName: "net1" });
    await expect(node.hotPlug.del(leaving, node.scope())).rejects.toThrow(failed({ code: 42 }));
    expect(await node.names()).toEqual(["eth0 attached", "net1 detaching"]);
    broken = false;
    node.clock.advance(5_000);
    await node.resume(node.scope());
    expect(await node.names()).toEqual(["eth0 attached"]);
  });

  it("is never the default one", async () => {
    const node = await attachedStage();
    await expect(node.hotPlug.del(request({ ifName: "eth0" }), node.scope())).rejects.toThrow(
      failed({ kind: "interface-conflict" }),
    );
    expect(node.saidSince()).toEqual([]);
  });

  it("that Multus attached, and forgot, is detached by the conf that is given", async () => {
    const node = await attachedStage();
    await node.hotPlug.del(request(), node.scope());
    expect(node.saidSince()).toEqual(["DEL net7 macvlan"]);
    expect(await node.names()).toEqual(["eth0 attached", "net1 attached"]);
  });

  it("and that is not on record is told of when it fails (T293)", async () => {
    const node = await attachedStage({
      script: (run) => (said(run) === "DEL net7 macvlan" ? fails('{"code":42,"msg":"no"}') : obedient(run)),
    });
    await expect(node.hotPlug.del(request(), node.scope())).rejects.toThrow(failed({ code: 42 }));
  });

  it("is forgotten though its namespace is gone", async () => {
    const node = await attachedStage({ views: { net7: "netns-gone" } });
    await node.hotPlug.del({ ...request(), netns: "/run/netns/gone" }, node.scope());
    expect(node.runner.runs.at(-1)?.env["CNI_NETNS"]).toBe("/run/netns/gone");
  });
});

describe("asking about one network", () => {
  it("CHECK asks the plugins of what is on record", async () => {
    const node = await attachedStage();
    await node.hotPlug.check(request({ ifName: "net1" }), node.scope());
    expect(node.saidSince()).toEqual(["CHECK net1 ipvlan"]);
  });

  it("CHECK of what is not on record is an error", async () => {
    const node = await attachedStage();
    await expect(node.hotPlug.check(request(), node.scope())).rejects.toThrow(failed({ kind: "unknown-container" }));
  });

  it.each([
    { why: "asks plugins of CNI 1.1.0", version: "1.1.0", want: ["STATUS  macvlan"] },
    { why: "cannot ask older ones", version: "1.0.0", want: [] },
  ])("STATUS $why", async ({ version, want }) => {
    const node = await attachedStage();
    const conf = `{"cniVersion":"${version}","name":"hot","type":"macvlan"}`;
    await node.hotPlug.status(request({ conf }), node.scope());
    expect(node.saidSince()).toEqual(want);
  });
});

describe("a disk that refuses", () => {
  it("keeps a network from joining: nothing runs that is not on record", async () => {
    const node = await attachedStage();
    node.journal.refuse(new PlexusError("io-failure", "disk full"));
    await expect(node.hotPlug.add(request(), node.scope())).rejects.toThrow("disk full");
    expect(node.saidSince()).toEqual([]);
  });
});
