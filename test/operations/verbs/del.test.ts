import { describe, expect, it } from "vitest";
import { fails } from "../../fakes/scripted-plugin-runner.ts";
import {
  addRequest,
  BRIDGE,
  delRequest,
  netConf,
  obedient,
  said,
  sandbox,
  stage,
  stdinOf,
  type StageOptions,
} from "../stage.ts";

const MACVLAN = '{"cniVersion":"1.0.0","type":"macvlan"}';
const failed = (want: object): Error => expect.objectContaining(want) as Error;

/** A node where one sandbox is attached to three networks. */
async function attachedStage(options: StageOptions = {}) {
  const node = stage({ annotation: "blue,red", nads: { blue: MACVLAN, red: MACVLAN }, ...options });
  await node.add(addRequest(), node.scope());
  return { ...node, saidSince: () => node.said().slice(3) };
}

describe("DEL", () => {
  it("goes backwards and forgets the sandbox (T020, T070)", async () => {
    const node = await attachedStage();
    await node.del(delRequest, node.scope());
    expect(node.saidSince()).toEqual(["DEL net2 macvlan", "DEL net1 macvlan", "DEL eth0 bridge"]);
    expect(await node.journal.list()).toEqual([]);
    expect(node.statusBoard.shown(sandbox)).toBeUndefined();
  });

  it("asks for no pod, whatever became of it (T056, T059, T070)", async () => {
    const node = await attachedStage();
    await node.del(delRequest, node.scope());
    expect(node.askedFor).toEqual(["shop/web"]);
  });

  it("of what is not on record succeeds and runs nothing, though the pod is still there (T072, T080)", async () => {
    const node = await attachedStage();
    await node.del(delRequest, node.scope());
    await node.del(delRequest, node.scope());
    expect(node.saidSince()).toHaveLength(3);
  });

  it("tries everything, whatever fails, and keeps what failed (T075, T076)", async () => {
    let broken = true;
    const node = await attachedStage({
      script: (run) => (broken && said(run) === "DEL net1 macvlan" ? fails('{"code":42,"msg":"no"}') : obedient(run)),
    });
    await expect(node.del(delRequest, node.scope())).rejects.toThrow(
      failed({
        code: 42,
        message: '[shop/web/uid-1:shop/blue]: error deleting interface net1 from network "shop/blue": no',
      }),
    );
    expect(node.saidSince()).toEqual(["DEL net2 macvlan", "DEL net1 macvlan", "DEL eth0 bridge"]);
    expect((await node.journal.read(sandbox))?.attachments.map(({ ifName }) => ifName)).toEqual(["net1"]);

    broken = false;
    await node.del(delRequest, node.scope());
    expect(node.saidSince().slice(3)).toEqual(["DEL net1 macvlan"]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("keeps what failed whatever the plugin says (T077)", async () => {
    const node = await attachedStage({
      script: (run) =>
        said(run) === "DEL net1 macvlan" ? fails('{"code":5,"msg":"no such file or directory"}') : obedient(run),
    });
    await expect(node.del(delRequest, node.scope())).rejects.toThrow(failed({ code: 5 }));
    expect((await node.journal.read(sandbox))?.attachments.map(({ ifName }) => ifName)).toEqual(["net1"]);
  });

  it("tells all that failed", async () => {
    const node = await attachedStage({
      script: (run) => (said(run).startsWith("DEL net") ? fails('{"code":42,"msg":"no"}') : obedient(run)),
    });
    await expect(node.del(delRequest, node.scope())).rejects.toThrow(/^errors: .*net2.* \/ .*net1/);
  });

  it("runs a chain backwards to its end even if a plugin fails", async () => {
    const chain = '{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"a"},{"type":"b"},{"type":"c"}]}';
    const node = stage({
      script: (run) => (said(run) === "DEL eth0 b" ? fails('{"code":42,"msg":"no"}') : obedient(run)),
    });
    await node.add(addRequest({ netConf: netConf(chain) }), node.scope());
    await expect(node.del(delRequest, node.scope())).rejects.toThrow(failed({ code: 42 }));
    expect(node.said().slice(3)).toEqual(["DEL eth0 c", "DEL eth0 b", "DEL eth0 a"]);
    expect(await node.journal.list()).toEqual([sandbox]);
  });

  it("of a network whose plugin has vanished since fails, and stays on record", async () => {
    let installed = true;
    const node = stage({ script: (run) => (installed ? obedient(run) : undefined) });
    await node.add(addRequest(), node.scope());
    installed = false;
    await expect(node.del(delRequest, node.scope())).rejects.toThrow(failed({ code: 104 }));
    expect(await node.journal.list()).toEqual([sandbox]);
  });

  it.each([
    { version: "0.3.1", why: "none below 0.4.0 (T088)", want: undefined },
    { version: "0.4.0", why: "ADD's final result from 0.4.0 on (T087)", want: { by: "b" } },
  ])("gives every plugin as prevResult: $why", async ({ version, want }) => {
    const node = stage({
      script: (run) => ({ ...obedient(run), stdout: JSON.stringify({ cniVersion: version, by: run.type, ips: [] }) }),
    });
    const chain = `{"cniVersion":"${version}","name":"pods","plugins":[{"type":"a"},{"type":"b"}]}`;
    await node.add(addRequest({ netConf: netConf(chain) }), node.scope());
    await node.del(delRequest, node.scope());
    const given = node.runner.runs.slice(2).map((run) => stdinOf(run)["prevResult"]);
    expect(given).toEqual(
      [want, want].map((one) => (one === undefined ? undefined : (expect.objectContaining(one) as unknown))),
    );
  });

  it("gives plugins every key of their conf and the capability args of ADD again (T082)", async () => {
    const conf =
      '{"name":"pods","cniVersion":"0.3.1","plugins":[{"type":"calico","mtu":0,"kubernetes":{"kubeconfig":"/k"},"id":12345678901234567890},{"type":"portmap","capabilities":{"portMappings":true}}]}';
    const node = stage();
    const runtimeConfig = ',"runtimeConfig":{"portMappings":[{"hostPort":80}]}';
    await node.add(addRequest({ netConf: netConf(conf, runtimeConfig) }), node.scope());
    await node.del(delRequest, node.scope());
    const [portmap, calico] = node.runner.runs.slice(2);
    expect(stdinOf(portmap)["runtimeConfig"]).toEqual({ portMappings: [{ hostPort: 80 }] });
    expect(calico?.stdin).toBe(
      '{"type":"calico","mtu":0,"kubernetes":{"kubeconfig":"/k"},"id":12345678901234567890,"name":"pods","cniVersion":"0.3.1"}',
    );
  });

  it("gives the plugins of a network what ADD gave them of the pod's own requests (T086)", async () => {
    const annotation = '[{"name":"blue","portMappings":[{"hostPort":80,"containerPort":8080,"protocol":"tcp"}]}]';
    const capable = '{"cniVersion":"1.0.0","type":"macvlan","capabilities":{"portMappings":true}}';
    const node = stage({ annotation, nads: { blue: capable } });
    await node.add(addRequest(), node.scope());
    await node.del(delRequest, node.scope());
    const runtimeConfig = { portMappings: [{ hostPort: 80, containerPort: 8080, protocol: "tcp" }] };
    const given = node.runner.runs.filter((run) => run.type === "macvlan").map((run) => stdinOf(run));
    expect(given).toMatchObject([{ runtimeConfig }, { runtimeConfig }]);
  });

  it("speaks to plugins in the version of ADD, which may be none (T084)", async () => {
    const node = stage({ annotation: "blue", nads: { blue: '{"plugins":[{"type":"macvlan","mtu":0}]}' } });
    await node.add(addRequest({ netConf: netConf(BRIDGE, "", "0.3.1") }), node.scope());
    await node.del(delRequest, node.scope());
    const given = node.runner.runs.filter((run) => run.type === "macvlan").map(({ stdin }) => stdin);
    expect(given).toEqual(Array(2).fill('{"type":"macvlan","mtu":0,"name":"blue","cniVersion":""}'));
  });

  it("does not repeat the MAC and addresses of ADD in CNI_ARGS (T202)", async () => {
    const node = stage({ annotation: '[{"name":"blue","mac":"02:00:00:00:00:07"}]', nads: { blue: MACVLAN } });
    await node.add(addRequest(), node.scope());
    await node.del(delRequest, node.scope());
    const args = node.runner.runs.filter((run) => run.type === "macvlan").map((run) => run.env["CNI_ARGS"]);
    expect(args).toEqual([expect.stringContaining("MAC="), expect.not.stringContaining("MAC=")]);
  });

  it.each([
    {
      why: "is passed on while the namespace is there",
      netns: "/run/netns/pod",
      view: "taken",
      want: "/run/netns/pod",
    },
    {
      why: "is the path that the plugins knew once the namespace is gone (T081)",
      netns: "/run/netns/pod",
      view: "netns-gone",
      want: "/run/netns/pod",
    },
    {
      why: "is that path too when no namespace is behind it any more",
      netns: "/run/netns/pod",
      view: "not-a-netns",
      want: "/run/netns/pod",
    },
    {
      why: "is empty when the path is of a process, whose number another may have",
      netns: "/proc/42/ns/net",
      view: "netns-gone",
      want: "",
    },
    { why: "is empty when the runtime gives none (T009)", netns: "", view: "taken", want: "" },
  ] as const)("CNI_NETNS $why", async ({ netns, view, want }) => {
    const views: Record<string, typeof view | "free"> = {};
    const node = stage({ views });
    await node.add(addRequest(), node.scope());
    views["eth0"] = view;
    await node.del({ ...delRequest, netns }, node.scope());
    expect(node.runner.runs.at(-1)?.env).toMatchObject({ CNI_COMMAND: "DEL", CNI_NETNS: want });
  });

  it("asks a plugin again without a namespace if it fails only because that is gone", async () => {
    const views: Record<string, "free" | "netns-gone"> = {};
    const node = stage({
      views,
      script: (run) =>
        run.env["CNI_COMMAND"] === "DEL" && run.env["CNI_NETNS"] !== ""
          ? fails('{"code":999,"msg":"failed to open netns"}')
          : obedient(run),
    });
    await node.add(addRequest(), node.scope());
    views["eth0"] = "netns-gone";
    await node.del(delRequest, node.scope());
    const told = node.runner.runs.slice(1).map(({ env }) => env["CNI_NETNS"]);
    expect([told, await node.journal.list()]).toEqual([["/run/netns/pod", ""], []]);
  });

  it("never lets plugins loose on the host's own namespace, and keeps the record", async () => {
    const views: Record<string, "free" | "host-netns"> = {};
    const node = stage({ views });
    await node.add(addRequest(), node.scope());
    views["eth0"] = "host-netns";
    await expect(node.del(delRequest, node.scope())).rejects.toThrow(failed({ code: 8 }));
    expect(node.said()).toEqual(["ADD eth0 bridge"]);
    expect(await node.journal.list()).toEqual([sandbox]);
  });

  it("overtakes what waits for the same sandbox, and ADD and DEL never run at once (T299)", async () => {
    let running = 0;
    let most = 0;
    const node = stage({
      script: async (run) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise(setImmediate);
        running -= 1;
        return obedient(run);
      },
    });
    const first = node.add(addRequest(), node.scope());
    const second = node.add(addRequest(), node.scope());
    const deletion = node.del(delRequest, node.scope());
    await Promise.all([first, second, deletion]);
    expect(node.said()).toEqual(["ADD eth0 bridge", "DEL eth0 bridge", "ADD eth0 bridge"]);
    expect(most).toBe(1);
  });

  it("given up while it waits is not begun", async () => {
    const node = stage();
    const gone = new AbortController();
    const first = node.add(addRequest(), node.scope());
    const deletion = node.del(delRequest, node.scope(gone.signal));
    gone.abort();
    await expect(deletion).rejects.toThrow();
    await first;
    expect(node.said()).toEqual(["ADD eth0 bridge"]);
  });
});

describe("CHECK", () => {
  const checkRequest = { ...delRequest };

  it("asks every attachment, in order, with its result (T090)", async () => {
    const node = await attachedStage();
    await node.check(checkRequest, node.scope());
    expect(node.saidSince()).toEqual(["CHECK eth0 bridge", "CHECK net1 macvlan", "CHECK net2 macvlan"]);
    expect(stdinOf(node.runner.runs.at(-1))["prevResult"]).toMatchObject({ interfaces: [{ name: "net2" }] });
  });

  it("answers with the first plugin that says no", async () => {
    const node = await attachedStage({
      script: (run) => (said(run) === "CHECK net1 macvlan" ? fails('{"code":42,"msg":"link is gone"}') : obedient(run)),
    });
    await expect(node.check(checkRequest, node.scope())).rejects.toThrow(
      failed({ code: 42, message: "[shop/web/uid-1:shop/blue]: error checking interface net1: link is gone" }),
    );
    expect(node.saidSince()).toEqual(["CHECK eth0 bridge", "CHECK net1 macvlan"]);
  });

  it("says of an unknown sandbox that it is unknown", async () => {
    const node = stage();
    await expect(node.check(checkRequest, node.scope())).rejects.toThrow(failed({ code: 3 }));
  });

  it.each([
    { why: "is older than 0.4.0 (T092)", conf: '{"cniVersion":"0.3.1","type":"macvlan"}' },
    {
      why: "does not want to be asked",
      conf: '{"cniVersion":"1.0.0","disableCheck":true,"plugins":[{"type":"macvlan"}]}',
    },
  ])("leaves out a network that $why", async ({ conf }) => {
    const node = stage({ annotation: "blue", nads: { blue: conf } });
    await node.add(addRequest(), node.scope());
    await node.check(checkRequest, node.scope());
    expect(node.said().slice(2)).toEqual(["CHECK eth0 bridge"]);
  });
});

describe("STATUS", () => {
  const modern = '{"cniVersion":"1.1.0","name":"pods","plugins":[{"type":"a"},{"type":"b"}]}';

  it("asks the default network's plugins, without a sandbox (T093)", async () => {
    const node = stage();
    await node.status({ netConf: netConf(`${modern},${BRIDGE}`), searchPath: ["/opt/cni/bin"] }, node.scope());
    expect(node.said()).toEqual(["STATUS  a", "STATUS  b"]);
    expect(node.runner.runs[0]?.env).toMatchObject({ CNI_CONTAINERID: "", CNI_NETNS: "", CNI_ARGS: "" });
  });

  it("passes a plugin's own code on (T094)", async () => {
    const node = stage({ script: () => fails('{"code":50,"msg":"status failed"}') });
    const request = { netConf: netConf(modern), searchPath: [] };
    await expect(node.status(request, node.scope())).rejects.toThrow(failed({ code: 50 }));
    expect(node.said()).toEqual(["STATUS  a"]);
  });

  it("does not ask plugins that do not know the verb (T096)", async () => {
    const node = stage();
    await node.status({ netConf: netConf(BRIDGE), searchPath: [] }, node.scope());
    expect(node.said()).toEqual([]);
  });
});

describe("GC", () => {
  const valid = (list: string): string => `,"cni.dev/valid-attachments":${list}`;

  it("deletes what the runtime no longer counts, without a namespace (T101)", async () => {
    const node = await attachedStage();
    await node.gc({ netConf: netConf(BRIDGE, valid("[]"), "1.1.0"), searchPath: [] }, node.scope());
    expect(node.saidSince()).toEqual(["DEL net2 macvlan", "DEL net1 macvlan", "DEL eth0 bridge"]);
    expect(node.runner.runs.at(-1)?.env["CNI_NETNS"]).toBe("");
    expect(await node.journal.list()).toEqual([]);
  });

  it("goes over more sandboxes than operations may be under way", async () => {
    const node = stage({ maxOperations: 1 });
    for (const name of ["aaa", "bbb"]) await node.add(addRequest({ sandbox: name as typeof sandbox }), node.scope());
    await node.gc({ netConf: netConf(BRIDGE, valid("[]"), "1.1.0"), searchPath: [] }, node.scope());
    expect(await node.journal.list()).toEqual([]);
  });

  it("takes net1 of a valid sandbox for valid", async () => {
    const node = await attachedStage();
    const list = valid('[{"containerID":"abc","ifname":"eth0"}]');
    await node.gc({ netConf: netConf(BRIDGE, list, "1.1.0"), searchPath: [] }, node.scope());
    expect(node.saidSince()).toEqual([]);
    expect(await node.journal.list()).toEqual([sandbox]);
  });

  it("does not take what was attached after the runtime asked", async () => {
    const node = stage();
    const first = netConf(BRIDGE, valid("[]"), "1.1.0");
    const gc = node.gc({ netConf: first, searchPath: [] }, node.scope());
    node.clock.advance(1);
    await node.add(addRequest(), node.scope());
    await gc;
    expect(await node.journal.list()).toEqual([sandbox]);
  });

  it.each([3_600_000, -3_600_000])(
    "takes what was attached before and nothing that was attached since, however the clock is set (%i ms)",
    async (by) => {
      const other = "other" as typeof sandbox;
      const since = addRequest({ ifName: "eth1" as typeof delRequest.ifName, sandbox: other });
      const node = stage();
      await node.add(addRequest(), node.scope());
      await node.add(addRequest({ sandbox: other }), node.scope());
      node.clock.set(by);
      const gc = node.gc({ netConf: netConf(BRIDGE, valid("[]"), "1.1.0"), searchPath: [] }, node.scope());
      node.clock.set(by);
      const added = node.add(since, node.scope());
      await Promise.all([gc, added]);
      expect((await node.journal.read(other))?.attachments.map(({ owner }) => owner)).toEqual(["eth1"]);
      expect(await node.journal.list()).toEqual([other]);
    },
  );

  it("leaves alone what was made for another network config", async () => {
    const node = await attachedStage();
    const { netConf: own } = { netConf: netConf(BRIDGE, valid("[]"), "1.1.0") };
    await node.gc({ netConf: { ...own, name: "other" as typeof own.name }, searchPath: [] }, node.scope());
    expect(node.saidSince()).toEqual([]);
  });

  it("passes GC on to plugins that know it, with what they may keep (T098)", async () => {
    const modern = '{"cniVersion":"1.1.0","name":"pods","type":"bridge"}';
    const list = valid('[{"containerID":"abc","ifname":"eth0"}]');
    const node = stage();
    await node.add(addRequest({ netConf: netConf(modern, "", "1.1.0") }), node.scope());
    await node.gc({ netConf: netConf(modern, list, "1.1.0"), searchPath: [] }, node.scope());
    expect(node.said().slice(1)).toEqual(["GC  bridge"]);
    const kept = [{ containerID: "abc", ifname: "eth0" }];
    expect(stdinOf(node.runner.runs.at(-1))).toMatchObject({
      "cni.dev/valid-attachments": kept,
      "cni.dev/attachments": kept,
    });
  });

  it("tells each network's plugins of that network only, and each once (T098, T099)", async () => {
    const macvlan = '{"cniVersion":"1.1.0","type":"macvlan"}';
    const conf = (more = "") => netConf(BRIDGE.replace("1.0.0", "1.1.0"), more, "1.1.0");
    const node = stage({ annotation: "blue", nads: { blue: macvlan } });
    await node.add(addRequest({ netConf: conf() }), node.scope());
    await node.gc({ netConf: conf(valid('[{"containerID":"abc","ifname":"eth0"}]')), searchPath: [] }, node.scope());
    expect(node.said().slice(2)).toEqual(["GC  bridge", "GC  macvlan"]);
    expect(node.runner.runs.slice(2).map((run) => stdinOf(run)["cni.dev/valid-attachments"])).toEqual([
      [{ containerID: "abc", ifname: "eth0" }],
      [{ containerID: "abc", ifname: "net1" }],
    ]);
  });

  it("succeeds on a node where nothing was ever attached (T100)", async () => {
    const node = stage();
    const conf = netConf(BRIDGE.replace("1.0.0", "1.1.0"), valid("[]"), "1.1.0");
    await node.gc({ netConf: conf, searchPath: [] }, node.scope());
    expect(node.said()).toEqual(["GC  bridge"]);
    expect(stdinOf(node.runner.runs[0])["cni.dev/valid-attachments"]).toEqual([]);
  });

  it("without the runtime's list deletes nothing and says so", async () => {
    const node = await attachedStage();
    await expect(node.gc({ netConf: netConf(BRIDGE), searchPath: [] }, node.scope())).rejects.toThrow(
      failed({ code: 7 }),
    );
    expect(node.saidSince()).toEqual([]);
  });
});
