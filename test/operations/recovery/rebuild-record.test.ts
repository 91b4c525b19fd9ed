import { describe, expect, it } from "vitest";
import { parseCniArgs } from "../../../daemon/domain/cni/args.ts";
import { PlexusError } from "../../../daemon/domain/errors.ts";
import type { DelRequest } from "../../../daemon/operations/verbs/del.ts";
import type { Origin } from "../../../daemon/domain/origin.ts";
import { fails } from "../../fakes/scripted-plugin-runner.ts";
import {
  addRequest,
  BRIDGE,
  delRequest,
  netConf,
  obedient,
  POD_ARGS,
  said,
  sandbox,
  stage,
  type StageOptions,
} from "../stage.ts";

const MACVLAN = '{"cniVersion":"1.0.0","type":"macvlan"}';
const NADS = { blue: MACVLAN, red: MACVLAN };
const ALL = ["DEL net2 macvlan", "DEL net1 macvlan", "DEL eth0 bridge"];

const del = (origin: Partial<Origin> = {}): DelRequest => {
  const { netConf, args, searchPath, netnsOverride } = addRequest();
  return { ...delRequest, origin: { netConf, args, searchPath, netnsOverride, ...origin } };
};

/** A node where one sandbox was attached to three networks, and then its record was damaged. */
async function damagedStage(options: StageOptions = {}, request = addRequest()) {
  const node = stage({ annotation: "blue,red", nads: NADS, ...options });
  await node.add(request, node.scope());
  const added = node.said().length;
  node.journal.spoil(sandbox);
  return { ...node, saidSince: () => node.said().slice(added) };
}

describe("DEL of a sandbox whose record was damaged", () => {
  it("takes away what the pod asks for by now, backwards, and says so (T071, T073)", async () => {
    const node = await damagedStage();
    await node.del(del(), node.scope());
    expect(node.saidSince()).toEqual(ALL);
    expect(await node.journal.list()).toEqual([]);
    expect(node.statusBoard.shown(sandbox)).toBeUndefined();
    expect(node.warnings).toEqual([
      expect.stringMatching(/damaged.*pods \(eth0\), shop\/blue \(net1\), shop\/red \(net2\)/),
    ]);
  });

  it("gives plugins what ADD gave them, but for the result and the addresses that were asked for", async () => {
    const annotation =
      '[{"name":"blue","mac":"02:00:00:00:00:07","portMappings":[{"hostPort":80,"containerPort":8080}]}]';
    const capable = '{"cniVersion":"1.0.0","type":"macvlan","capabilities":{"portMappings":true}}';
    const node = await damagedStage({ annotation, nads: { blue: capable } });
    await node.del(del(), node.scope());
    const [added, deleted] = node.runner.runs.filter(({ type }) => type === "macvlan");
    expect(deleted?.stdin).toBe(added?.stdin.replace(/,"prevResult".*/, ""));
    expect(deleted?.searchPath).toEqual(["/opt/cni/bin"]);
    expect(deleted?.env).toEqual({
      ...added?.env,
      CNI_COMMAND: "DEL",
      CNI_ARGS: added?.env["CNI_ARGS"]?.replace(/;MAC=.*/, ""),
    });
  });

  it("keeps on record what a plugin could not take away, and tries only that again", async () => {
    let broken = true;
    const node = await damagedStage({
      script: (run) => (broken && said(run) === "DEL net1 macvlan" ? fails('{"code":42,"msg":"no"}') : obedient(run)),
    });
    await expect(node.del(del(), node.scope())).rejects.toMatchObject({ code: 42 });
    node.podBecomes("gone");
    broken = false;
    await node.del(del(), node.scope());
    expect(node.saidSince()).toEqual([...ALL, "DEL net1 macvlan"]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("puts on record what it goes for, so that a crash leaves it to the next round", async () => {
    const records: unknown[] = [];
    const node = await damagedStage({
      script: async (run) => {
        if (said(run) === "DEL net2 macvlan") records.push(await node.journal.read(sandbox));
        return obedient(run);
      },
    });
    await node.del(del(), node.scope());
    const states = ["eth0", "net1", "net2"].map((ifName) => ({ ifName, owner: "eth0", state: "detaching" }));
    expect(records).toMatchObject([{ netns: "/run/netns/pod", pod: { name: "web" }, attachments: states }]);
  });

  it("goes on without a new record if the disk does not take it", async () => {
    const node = stage({
      annotation: "blue,red",
      nads: NADS,
      script: (run) => {
        // What ends the DEL is a removal, for which there is always room.
        node.journal.refuse(undefined);
        return obedient(run);
      },
    });
    node.journal.spoil(sandbox);
    node.journal.refuse(new PlexusError("io-failure", "no space left"));
    await node.del(del(), node.scope());
    expect(node.said()).toEqual(ALL);
    expect(node.warnings).toContainEqual(expect.stringContaining("no space left"));
  });

  it.each<{ why: string; options: StageOptions; pod: "there" | "gone" | "replaced"; want: readonly string[] }>([
    { why: "its namesake asks for, if that took its place", options: {}, pod: "replaced", want: ALL },
    { why: "every pod has, if it is gone", options: {}, pod: "gone", want: ["DEL eth0 bridge"] },
    {
      why: "every pod has, if its annotation cannot be read",
      options: { annotations: { "k8s.v1.cni.cncf.io/networks": "[" } },
      pod: "there",
      want: ["DEL eth0 bridge"],
    },
    {
      why: "every pod has, if a network that it asks for is gone",
      options: { annotation: "blue,green" },
      pod: "there",
      want: ["DEL eth0 bridge"],
    },
  ])("takes away what $why, with a warning", async ({ options, pod, want }) => {
    const node = stage({ nads: NADS, annotation: "blue,red", ...options });
    node.journal.spoil(sandbox);
    node.podBecomes(pod);
    await node.del(del(), node.scope());
    expect(node.said()).toEqual(want);
    expect(node.warnings).not.toEqual([]);
  });

  it("takes away the cluster's default networks even if the pod is gone", async () => {
    const node = stage({ nads: { "kube-system/pods": BRIDGE, "kube-system/storage": MACVLAN } });
    node.journal.spoil(sandbox);
    node.podBecomes("gone");
    const byName = ',"clusterNetwork":"pods","defaultNetworks":["storage"]';
    await node.del(del({ netConf: netConf("", byName) }), node.scope());
    expect(node.said()).toEqual(["DEL net1 macvlan", "DEL eth0 bridge"]);
  });

  it("needs no pod if there was none", async () => {
    const node = stage();
    node.journal.spoil(sandbox);
    await node.del(del({ args: parseCniArgs("") }), node.scope());
    expect(node.said()).toEqual(["DEL eth0 bridge"]);
    expect(node.askedFor).toEqual([]);
  });

  it("succeeds with a warning if nothing at all can be worked out", async () => {
    const node = stage();
    node.journal.spoil(sandbox);
    await node.del(del({ netConf: netConf("", ',"clusterNetwork":"nowhere"') }), node.scope());
    expect(node.said()).toEqual([]);
    expect(node.warnings.at(-1)).toContain("cannot find network: nowhere");
  });

  it.each([
    { what: "pods", origin: {} },
    {
      what: "networks",
      origin: { args: parseCniArgs(""), netConf: netConf("", ',"clusterNetwork":"pods"') },
    },
  ])("fails, to be asked again, while the cluster's $what are not known", async ({ origin }) => {
    const node = stage({ unsynced: new PlexusError("not-available", "not known yet") });
    node.journal.spoil(sandbox);
    await expect(node.del(del(origin), node.scope())).rejects.toMatchObject({ kind: "not-available" });
    expect([node.said(), node.warnings]).toEqual([[], []]);
  });

  it("works without a network namespace (T081)", async () => {
    const node = await damagedStage();
    await node.del({ ...del(), netns: "" }, node.scope());
    expect(node.saidSince()).toEqual(ALL);
    expect(node.runner.runs.at(-1)?.env["CNI_NETNS"]).toBe("");
  });

  it("does the same when it is asked once more: that it was damaged is all that is known", async () => {
    const node = await damagedStage();
    await node.del(del(), node.scope());
    await node.del(del(), node.scope());
    expect(node.saidSince()).toEqual([...ALL, ...ALL]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("does so for each of its interfaces, and leaves the record of the other alone", async () => {
    const node = await damagedStage();
    const eth1 = "eth1" as typeof delRequest.ifName;
    await node.journal.read(sandbox);
    await node.add(addRequest({ ifName: eth1, netConf: netConf(BRIDGE) }), node.scope());
    await node.del(del(), node.scope());
    expect((await node.journal.read(sandbox))?.attachments.map(({ ifName }) => ifName)).toEqual([
      "eth1",
      "net1",
      "net2",
    ]);
  });

  const spooled = {
    id: "abc@eth0",
    at: 1_000,
    containerId: "abc",
    ifName: "eth0",
    netns: "",
    netnsOverride: "",
    args: POD_ARGS,
    path: "",
  };

  it("that waited in the spool is planned from what was noted with it", async () => {
    const node = await damagedStage();
    node.spool.put({ ...spooled, conf: `{"cniVersion":"1.0.0","name":"plexus","delegates":[${BRIDGE}]}` });
    expect(await node.resume(node.scope())).toMatchObject({ pending: 0 });
    expect(node.saidSince().at(-1)).toBe("DEL eth0 bridge");
  });

  it("that waited in the spool stays pending if what was noted with it is no use", async () => {
    const node = await damagedStage();
    node.spool.put({ ...spooled, conf: "{}" });
    expect(await node.resume(node.scope())).toEqual({ finished: 0, pending: 1 });
    expect(node.saidSince()).toEqual([]);
    expect(node.warnings).toEqual([expect.stringContaining("damaged")]);
  });
});

describe("a damaged record", () => {
  const modern = (more = "") => netConf(BRIDGE.replace("1.0.0", "1.1.0"), more, "1.1.0");

  it("keeps GC from asking plugins to clean up: they would be told to keep too little", async () => {
    const node = await damagedStage({}, addRequest({ netConf: modern() }));
    const conf = modern(',"cni.dev/valid-attachments":[{"containerID":"abc","ifname":"eth0"}]');
    await node.gc({ netConf: conf, searchPath: [] }, node.scope());
    expect(node.saidSince()).toEqual([]);
    expect(node.warnings).toEqual([expect.stringContaining("abc")]);
  });

  it("makes CHECK say that nothing is known of the sandbox", async () => {
    const node = await damagedStage();
    await expect(node.check(delRequest, node.scope())).rejects.toMatchObject({ code: 3 });
  });

  it("of a newer Plexus is none: DEL fails, runs nothing, and it stays", async () => {
    const node = await damagedStage();
    node.journal.spoil(sandbox, '{"version":99,"more":[]}');
    await expect(node.del(del(), node.scope())).rejects.toMatchObject({ kind: "decode-failure" });
    expect(node.saidSince()).toEqual([]);
    expect(await node.journal.list()).toEqual([sandbox]);
  });
});
