import { describe, expect, it } from "vitest";
import { parseCniArgs } from "../../daemon/domain/cni/args.ts";
import { PlexusError } from "../../daemon/domain/errors.ts";
import { exportToMultus } from "../../daemon/migration/export-to-multus.ts";
import { memoryMultusNotes } from "../fakes/memory-multus-notes.ts";
import { fails } from "../fakes/scripted-plugin-runner.ts";
import {
  addRequest,
  BRIDGE,
  delRequest,
  netConf,
  netns,
  obedient,
  POD_ARGS,
  said,
  sandbox,
  stage,
  stdinOf,
  type StageOptions,
} from "../operations/stage.ts";

const MODERN = '{"cniVersion":"1.1.0","name":"pods","type":"bridge"}';
const MACVLAN = '{"cniVersion":"1.0.0","name":"blue","type":"macvlan"}';

const noted = (...confs: readonly string[]): string =>
  JSON.stringify(confs.map((conf) => ({ Bytes: Buffer.from(conf).toString("base64") })));

/** What libcni cached of the pod's attachment to network `pods`. */
const cachedResult = {
  name: `pods-${sandbox}-eth0`,
  text: JSON.stringify({
    kind: "cniCacheV1",
    containerId: sandbox,
    config: Buffer.from(MODERN).toString("base64"),
    ifName: "eth0",
    networkName: "pods",
    netns,
    cniArgs: parseCniArgs(POD_ARGS).pairs,
    capabilityArgs: {},
    result: { cniVersion: "1.1.0", interfaces: [{ name: "eth0", sandbox: netns }] },
  }),
};

/** A node on which Multus attached one sandbox, to a bridge and a macvlan, and which is ours now. */
async function takenOver(options: StageOptions = {}, scratch = noted(MODERN, MACVLAN)) {
  const legacy = memoryMultusNotes();
  await legacy.write(sandbox, { scratch, results: [cachedResult] });
  return { ...stage({ ...options, legacy }), legacy };
}

const origin = {
  netConf: netConf(BRIDGE),
  args: parseCniArgs(POD_ARGS),
  searchPath: ["/usr/lib/cni"],
  netnsOverride: "",
};
const failed = (want: object): Error => expect.objectContaining(want) as Error;

describe("a sandbox that Multus attached", () => {
  it("is deleted backwards, with what ADD ended with, and then nobody knows of it", async () => {
    const node = await takenOver();
    await node.del({ ...delRequest, origin }, node.scope());
    expect(node.said()).toEqual(["DEL net1 macvlan", "DEL eth0 bridge"]);
    const [macvlan, bridge] = node.runner.runs;
    expect(macvlan).toMatchObject({ searchPath: ["/usr/lib/cni"], env: { CNI_NETNS: netns } });
    expect(bridge?.env["CNI_ARGS"]).toContain("K8S_POD_NAME=web");
    expect(stdinOf(bridge)).toMatchObject({ name: "pods", prevResult: { interfaces: [{ name: "eth0" }] } });
    expect(await node.legacy.list()).toEqual([]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("is deleted as whatever the runtime calls its first interface", async () => {
    const node = await takenOver({}, noted(MACVLAN));
    await node.del({ ...delRequest, ifName: "ens3" as typeof delRequest.ifName, origin }, node.scope());
    expect(node.said()).toEqual(["DEL ens3 macvlan"]);
  });

  it("of which a plugin fails is our record from then on, of what is left", async () => {
    let broken = true;
    const node = await takenOver({
      script: (run) => (broken && said(run) === "DEL net1 macvlan" ? fails('{"code":42,"msg":"busy"}') : obedient(run)),
    });
    await expect(node.del({ ...delRequest, origin }, node.scope())).rejects.toThrow(failed({ code: 42 }));
    expect(await node.journal.read(sandbox)).toMatchObject({ attachments: [{ ifName: "net1", state: "detaching" }] });
    broken = false;
    await node.del({ ...delRequest, origin }, node.scope());
    expect(node.said().slice(2)).toEqual(["DEL net1 macvlan"]);
    expect([await node.legacy.list(), await node.journal.list()]).toEqual([[], []]);
  });

  it("stays known until its notes are gone, too", async () => {
    const node = await takenOver();
    node.legacy.refuse(new PlexusError("io-failure", "read-only file system"));
    await expect(node.del(delRequest, node.scope())).rejects.toThrow(failed({ kind: "io-failure" }));
    expect(await node.journal.list()).toEqual([sandbox]);
    node.legacy.refuse(undefined);
    await node.del(delRequest, node.scope());
    expect([await node.legacy.list(), await node.journal.list()]).toEqual([[], []]);
  });

  it.each(["[]", "null", "[null]"])(
    "to nothing, by notes of %s, is deleted by doing nothing (T074)",
    async (scratch) => {
      const node = await takenOver({}, scratch);
      await node.legacy.write(sandbox, { scratch, results: [] });
      await node.del({ ...delRequest, origin }, node.scope());
      expect(node.said()).toEqual([]);
    },
  );

  it("whose notes were torn is deleted from what libcni cached (T073)", async () => {
    const node = await takenOver({}, "[{");
    await node.del({ ...delRequest, origin }, node.scope());
    expect(node.said()).toEqual(["DEL eth0 bridge"]);
    expect(await node.legacy.list()).toEqual([]);
  });

  it("of which nothing can be read any more is worked out anew from its pod (T071, T073)", async () => {
    const node = await takenOver({ annotation: "blue", nads: { blue: MACVLAN } });
    await node.legacy.write(sandbox, { scratch: "", results: [] });
    await node.del({ ...delRequest, origin }, node.scope());
    expect(node.said()).toEqual(["DEL net1 macvlan", "DEL eth0 bridge"]);
    expect(node.warnings).toContainEqual(expect.stringContaining(`/var/lib/cni/multus/${sandbox}`));
    expect(await node.legacy.list()).toEqual([]);
  });

  it("is not attached a second time", async () => {
    const node = await takenOver();
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow(failed({ code: 103 }));
    expect(node.said()).toEqual([]);
  });

  it("is asked after by CHECK", async () => {
    const node = await takenOver();
    await node.check(delRequest, node.scope());
    expect(node.said()).toEqual(["CHECK eth0 bridge", "CHECK net1 macvlan"]);
  });

  it("is among what GC tells plugins to keep", async () => {
    const node = await takenOver();
    const valid = `,"cni.dev/valid-attachments":[{"containerID":"${sandbox}","ifname":"eth0"}]`;
    await node.gc({ netConf: netConf(MODERN, valid, "1.1.0"), searchPath: [] }, node.scope());
    expect(node.said()).toEqual(["GC  bridge"]);
    expect(stdinOf(node.runner.runs[0])["cni.dev/valid-attachments"]).toEqual([
      { containerID: sandbox, ifname: "eth0" },
    ]);
  });

  it("of which nothing can be read keeps GC from telling plugins anything", async () => {
    const node = await takenOver({}, "");
    await node.legacy.write(sandbox, { scratch: "", results: [] });
    await node.gc(
      { netConf: netConf(MODERN, `,"cni.dev/valid-attachments":[]`, "1.1.0"), searchPath: [] },
      node.scope(),
    );
    expect(node.said()).toEqual([]);
  });

  it("and whose pod and namespace are long gone is cleaned up without a DEL", async () => {
    const node = await takenOver({ views: { eth0: "netns-gone" } });
    node.podBecomes("gone");
    expect(await node.resume(node.scope())).toEqual({ finished: 1, pending: 0 });
    expect(node.said()).toEqual(["DEL net1 macvlan", "DEL eth0 bridge"]);
    expect(await node.legacy.list()).toEqual([]);
  });

  it("is left alone as long as its pod runs", async () => {
    const node = await takenOver();
    expect(await node.resume(node.scope())).toEqual({ finished: 0, pending: 0 });
    expect(node.said()).toEqual([]);
    expect(await node.legacy.list()).toEqual([sandbox]);
  });
});

describe("the way back to Multus", () => {
  it("notes down what is attached, so that another DEL from there finds it all", async () => {
    const before = stage({ annotation: "blue", nads: { blue: MACVLAN } });
    await before.add(addRequest(), before.scope());
    const legacy = memoryMultusNotes();
    expect(await exportToMultus(before.journal, legacy)).toEqual({ sandboxes: 1, problems: [] });

    const after = stage({ legacy });
    await after.del({ ...delRequest, origin }, after.scope());
    expect(after.said()).toEqual(["DEL net1 macvlan", "DEL eth0 bridge"]);
    expect(after.runner.runs.map((run) => stdinOf(run)["prevResult"])).toMatchObject([
      { interfaces: [{ name: "net1" }] },
      { interfaces: [{ name: "eth0" }] },
    ]);
  });

  it("names what it could not note down, and goes on", async () => {
    const node = stage();
    await node.add(addRequest(), node.scope());
    const legacy = memoryMultusNotes();
    legacy.refuse(new PlexusError("io-failure", "no space left"));
    expect(await exportToMultus(node.journal, legacy)).toEqual({
      sandboxes: 0,
      problems: ["sandbox abc: no space left"],
    });
  });

  it("names the sandboxes whose records are damaged", async () => {
    const node = stage();
    await node.add(addRequest(), node.scope());
    node.journal.spoil(sandbox);
    expect(await exportToMultus(node.journal, memoryMultusNotes())).toEqual({
      sandboxes: 0,
      problems: ["sandbox abc: its record is damaged"],
    });
  });
});
