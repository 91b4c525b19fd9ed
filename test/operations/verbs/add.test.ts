import { describe, expect, it } from "vitest";
import { parseCniArgs } from "../../../daemon/domain/cni/args.ts";
import { PlexusError } from "../../../daemon/domain/errors.ts";
import { report, fails, succeeds } from "../../fakes/scripted-plugin-runner.ts";
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
} from "../stage.ts";

const MACVLAN = '{"cniVersion":"1.0.0","type":"macvlan"}';
const CHAIN = `{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"bridge"},
  {"type":"portmap","capabilities":{"portMappings":true}},{"type":"bandwidth"}]}`;

const failed = (want: object): Error => expect.objectContaining(want) as Error;

describe("ADD", () => {
  it("attaches the default network, then those that the pod asks for, in order (T028)", async () => {
    const node = stage({ annotation: "blue,red", nads: { blue: MACVLAN, red: MACVLAN, green: MACVLAN } });
    await node.add(addRequest(), node.scope());
    expect(node.said()).toEqual(["ADD eth0 bridge", "ADD net1 macvlan", "ADD net2 macvlan"]);
  });

  it("answers with the default network's result only (T037)", async () => {
    const node = stage({ annotation: "blue", nads: { blue: MACVLAN } });
    const answer = JSON.parse(await node.add(addRequest(), node.scope())) as { ips: unknown };
    expect(answer.ips).toEqual([{ address: "10.0.0.2/24", interface: 0 }]);
  });

  it("answers in the version that the runtime speaks (T038)", async () => {
    const node = stage();
    const request = addRequest({ netConf: netConf(BRIDGE, "", "0.3.1") });
    expect(JSON.parse(await node.add(request, node.scope()))).toMatchObject({
      cniVersion: "0.3.1",
      ips: [{ version: "4", address: "10.0.0.2/24" }],
      dns: {},
    });
  });

  it("attaches the default network alone when the runtime names no pod (T174)", async () => {
    const node = stage({ annotation: "blue", nads: { blue: MACVLAN } });
    await node.add(addRequest({ args: parseCniArgs("IgnoreUnknown=1") }), node.scope());
    expect(node.said()).toEqual(["ADD eth0 bridge"]);
    expect(node.askedFor).toEqual([]);
  });

  it("hands each plugin of a chain the result of the one before, and the last one's to the runtime", async () => {
    const node = stage({
      script: (run) => succeeds(`{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.9/24"}],"by":"${run.type}"}`),
    });
    const answer = await node.add(addRequest({ netConf: netConf(CHAIN) }), node.scope());
    const prevResults = node.runner.runs.map((run) => stdinOf(run)["prevResult"]);
    expect(prevResults).toMatchObject([undefined, { by: "bridge" }, { by: "portmap" }]);
    expect(Object.hasOwn(stdinOf(node.runner.runs[0]), "prevResult")).toBe(false);
    expect(JSON.parse(answer)).toMatchObject({ by: "bandwidth" });
  });

  it("gives a plugin the runtime's capability args only if it declares them (T196)", async () => {
    const node = stage();
    const runtimeConfig = ',"runtimeConfig":{"portMappings":[{"hostPort":80,"containerPort":8080}]}';
    await node.add(addRequest({ netConf: netConf(CHAIN, runtimeConfig) }), node.scope());
    expect(node.runner.runs.map((run) => stdinOf(run)["runtimeConfig"])).toEqual([
      undefined,
      { portMappings: [{ hostPort: 80, containerPort: 8080 }] },
      undefined,
    ]);
  });

  it("gives plugins the CNI variables and a PATH, and nothing of its own environment (T053)", async () => {
    const node = stage();
    await node.add(addRequest({ searchPath: ["/opt/cni/bin", "/var/lib/rancher/bin"] }), node.scope());
    expect(node.runner.runs[0]?.env).toEqual({
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: "abc",
      CNI_NETNS: "/run/netns/pod",
      CNI_IFNAME: "eth0",
      CNI_PATH: "/opt/cni/bin:/var/lib/rancher/bin",
      CNI_ARGS:
        "IgnoreUnknown=true;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=uid-1",
    });
  });

  it.each([
    {
      why: "as capability args those that the plugin declares, as CNI_ARGS all (T195, T202)",
      capabilities: { mac: true, ips: true, bandwidth: true, portMappings: true },
      want: {
        portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
        bandwidth: { ingressRate: 1, ingressBurst: 2, egressRate: 3, egressBurst: 4 },
        ips: ["10.0.0.5/24"],
        mac: "02:00:00:00:00:07",
      },
      // Not the addresses: the capability has them (issue 11).
      cniArgs: /;MAC=02:00:00:00:00:07$/,
    },
    {
      why: "as CNI_ARGS even if the plugin declares nothing (T203)",
      capabilities: {},
      want: undefined,
      cniArgs: /;MAC=02:00:00:00:00:07;IP=10\.0\.0\.5\/24$/,
    },
  ])("passes on what the pod asks of a network: $why", async ({ capabilities, want, cniArgs }) => {
    const annotation = JSON.stringify([
      {
        name: "blue",
        ips: ["10.0.0.5/24"],
        mac: "02:00:00:00:00:07",
        bandwidth: { ingressRate: 1, ingressBurst: 2, egressRate: 3, egressBurst: 4 },
        portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
      },
    ]);
    const node = stage({ annotation, nads: { blue: JSON.stringify({ type: "macvlan", capabilities }) } });
    await node.add(addRequest(), node.scope());
    const [, blue] = node.runner.runs;
    expect(stdinOf(blue)["runtimeConfig"]).toEqual(want);
    expect(stdinOf(blue)["capabilities"]).toEqual(capabilities);
    expect(blue?.env["CNI_ARGS"]).toMatch(cniArgs);
  });

  it("keeps a prevResult that it was given itself from the plugins (T041)", async () => {
    const node = stage();
    await node.add(addRequest({ netConf: netConf(BRIDGE, ',"prevResult":{"cniVersion":"1.0.0"}') }), node.scope());
    expect(node.runner.runs.map((run) => Object.hasOwn(stdinOf(run), "prevResult"))).toEqual([false]);
  });

  it("is not troubled by a network that made neither interface nor address (T021)", async () => {
    const node = stage({
      annotation: "blue",
      nads: { blue: MACVLAN },
      script: (run) => (said(run) === "ADD net1 macvlan" ? succeeds('{"cniVersion":"1.0.0"}') : obedient(run)),
    });
    const answer = await node.add(addRequest(), node.scope());
    expect(JSON.parse(answer)).toMatchObject({ interfaces: [{ name: "eth0" }] });
    expect(JSON.parse(node.statusBoard.shown(sandbox) ?? "")).toMatchObject([{ interface: "eth0" }]);
  });

  it.each([
    { version: "0.2.0", result: { ip4: { ip: "10.0.0.2/24" }, dns: {} } },
    { version: "0.3.1", result: { ips: [{ version: "4", address: "10.0.0.2/24" }], dns: {} } },
    { version: "0.4.0", result: { ips: [{ version: "4", address: "10.0.0.2/24" }], dns: {} } },
    { version: "1.0.0", result: { ips: [{ address: "10.0.0.2/24" }] } },
  ])("runs two delegates in $version, forwards and backwards (T020)", async ({ version, result }) => {
    const printed = { cniVersion: version, ...result };
    const node = stage({
      script: (run) => succeeds(JSON.stringify(run.type === "bridge" ? printed : { cniVersion: version })),
    });
    const delegates = [BRIDGE, BRIDGE.replace("bridge", "macvlan")].map((text) => text.replace("1.0.0", version));
    const request = addRequest({ netConf: netConf(delegates.join(","), "", version) });
    expect(JSON.parse(await node.add(request, node.scope()))).toEqual(printed);
    await node.del(delRequest, node.scope());
    expect(node.said()).toEqual(["ADD eth0 bridge", "ADD net1 macvlan", "DEL net1 macvlan", "DEL eth0 bridge"]);
  });

  it("has everything on record before the first plugin runs (T032)", async () => {
    const seen: unknown[] = [];
    const node = stage({
      annotation: "blue",
      nads: { blue: MACVLAN },
      script: async (run) => {
        const record = await node.journal.read(sandbox);
        seen.push(record?.attachments.map(({ ifName, state }) => `${ifName} ${state}`));
        return obedient(run);
      },
    });
    await node.add(addRequest(), node.scope());
    expect(seen[0]).toEqual(["eth0 intended", "net1 intended"]);
    const record = await node.journal.read(sandbox);
    expect(record?.attachments.map(({ ifName, state }) => `${ifName} ${state}`)).toEqual([
      "eth0 attached",
      "net1 attached",
    ]);
  });

  it("shows the network status of a system's pod too (T240)", async () => {
    const node = stage();
    await node.add(addRequest({ netConf: netConf(BRIDGE, ',"systemNamespaces":["shop"]') }), node.scope());
    expect(JSON.parse(node.statusBoard.shown(sandbox) ?? "")).toMatchObject([{ name: "pods" }]);
  });

  it("shows the network status of all networks", async () => {
    const node = stage({ annotation: "blue", nads: { blue: MACVLAN } });
    await node.add(addRequest(), node.scope());
    expect(JSON.parse(node.statusBoard.shown(sandbox) ?? "")).toEqual([
      { name: "pods", interface: "eth0", ips: ["10.0.0.2"], mac: "02:00:00:00:00:01", default: true, dns: {} },
      { name: "shop/blue", interface: "net1", ips: ["10.0.0.3"], mac: "02:00:00:00:00:01", dns: {} },
    ]);
  });

  it("tells the pod's owner of all interfaces at once (T029)", async () => {
    const node = stage({ annotation: "blue", nads: { blue: MACVLAN } });
    await node.add(addRequest(), node.scope());
    expect(node.events.told).toEqual([
      "shop/web Normal AddedInterface Add eth0 [10.0.0.2/24] from pods; Add net1 [10.0.0.3/24] from shop/blue",
    ]);
  });

  it("tells nobody of a network that made neither interface nor address (T021)", async () => {
    const node = stage({ script: () => succeeds('{"cniVersion":"1.0.0"}') });
    await node.add(addRequest(), node.scope());
    expect(node.events.told).toEqual([]);
  });

  it("tells the pod's owner of a network that does not exist (T145)", async () => {
    const node = stage({ annotation: "blue" });
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow();
    expect(node.events.told).toEqual([
      "shop/web Warning NoNetworkFound cannot find a network-attachment-definition (blue) in namespace (shop)",
    ]);
  });

  it("tells what each plugin took", async () => {
    const node = stage();
    await node.add(addRequest(), node.scope());
    expect(node.traces).toMatchObject([{ verb: "ADD", network: "pods", ifName: "eth0", plugin: "bridge", ok: true }]);
  });
});

describe("an ADD that fails", () => {
  it("undoes the network that failed and all before it, newest first, and says whose fault it was (T023)", async () => {
    const node = stage({
      annotation: "blue,red",
      nads: { blue: MACVLAN, red: MACVLAN },
      script: (run) =>
        said(run) === "ADD net1 macvlan" ? fails('{"code":42,"msg":"expected plugin failure"}') : obedient(run),
    });
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow(
      failed({
        code: 42,
        message: '[shop/web/uid-1:blue]: error adding container to network "blue": expected plugin failure',
        details: "network shop/blue, interface net1",
      }),
    );
    expect(node.said()).toEqual(["ADD eth0 bridge", "ADD net1 macvlan", "DEL net1 macvlan", "DEL eth0 bridge"]);
    expect(await node.journal.list()).toEqual([]);
    expect(node.statusBoard.shown(sandbox)).toBeUndefined();
  });

  it("names the plugin of a chain, and undoes the whole chain (T040)", async () => {
    const node = stage({
      script: (run) => (said(run) === "ADD eth0 portmap" ? fails('{"code":5,"msg":"no iptables"}') : obedient(run)),
    });
    await expect(node.add(addRequest({ netConf: netConf(CHAIN) }), node.scope())).rejects.toThrow(
      failed({
        code: 5,
        message:
          '[shop/web/uid-1:pods]: error adding container to network "pods": plugin type="portmap" name="pods" failed (add): no iptables',
      }),
    );
    expect(node.said().slice(2)).toEqual(["DEL eth0 bandwidth", "DEL eth0 portmap", "DEL eth0 bridge"]);
  });

  it("keeps on record what it could not undo, and DEL finishes it (T033)", async () => {
    let stubborn = true;
    const node = stage({
      annotation: "blue",
      nads: { blue: MACVLAN },
      script: (run) => {
        if (said(run) === "ADD net1 macvlan") return fails('{"code":42,"msg":"no"}');
        if (said(run) === "DEL eth0 bridge" && stubborn) return fails('{"code":11,"msg":"busy"}');
        return obedient(run);
      },
    });
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow(failed({ code: 42 }));
    expect((await node.journal.read(sandbox))?.attachments.map(({ ifName }) => ifName)).toEqual(["eth0"]);
    expect(node.warnings).toEqual([expect.stringContaining("busy")]);
    stubborn = false;
    await node.del(delRequest, node.scope());
    expect(await node.journal.list()).toEqual([]);
  });

  it("is undone with a signal of its own when the caller has gone", async () => {
    const gone = new AbortController();
    const node = stage({
      script: (run) => {
        if (said(run) === "ADD eth0 bridge") gone.abort();
        return obedient(run);
      },
    });
    await expect(node.add(addRequest(), node.scope(gone.signal))).rejects.toThrow(failed({ code: 11 }));
    expect(node.said()).toEqual(["ADD eth0 bridge", "DEL eth0 bridge"]);
    expect(await node.journal.list()).toEqual([]);
  });

  it.each([
    { why: "prints nothing", printed: "", code: 6 },
    { why: "prints garbage", printed: "hello", code: 6 },
    { why: "prints a list", printed: "[]", code: 6 },
    { why: "prints a result of an unknown version (T236)", printed: '{"cniVersion":"1.2.3"}', code: 1 },
  ])("because a plugin $why is undone", async ({ printed, code }) => {
    const node = stage({ script: (run) => (said(run).startsWith("ADD") ? succeeds(printed) : obedient(run)) });
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow(
      failed({ code, message: expect.stringContaining("[shop/web/uid-1:pods]") as string }),
    );
    expect(node.said()).toEqual(["ADD eth0 bridge", "DEL eth0 bridge"]);
  });

  it("takes a plugin that prints null as one with an empty result (T022)", async () => {
    const node = stage({ script: () => succeeds("null") });
    expect(JSON.parse(await node.add(addRequest(), node.scope()))).toEqual({ cniVersion: "1.0.0" });
  });

  it("because the result cannot be told in the runtime's version is undone (T039)", async () => {
    const node = stage({ script: () => succeeds('{"cniVersion":"1.0.0"}') });
    const request = addRequest({ netConf: netConf(BRIDGE, "", "0.2.0") });
    await expect(node.add(request, node.scope())).rejects.toThrow(/cannot convert: no valid IP addresses/);
    expect(node.said()).toEqual(["ADD eth0 bridge", "DEL eth0 bridge"]);
  });

  it("does not pass on code 3, which would tell the runtime to clean nothing up", async () => {
    const node = stage({
      script: (run) => (said(run).startsWith("ADD") ? fails('{"code":3,"msg":"who?"}') : obedient(run)),
    });
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow(failed({ code: 106 }));
  });

  it("because a plugin is missing says which, and leaves no debt: what could not be started has made nothing", async () => {
    const node = stage({ script: (run) => (run.type === "portmap" ? undefined : obedient(run)) });
    await expect(node.add(addRequest({ netConf: netConf(CHAIN) }), node.scope())).rejects.toThrow(
      failed({
        code: 104,
        message: expect.stringContaining('failed to find plugin "portmap" in path [/opt/cni/bin]') as string,
      }),
    );
    expect(node.said().slice(-1)).toEqual(["DEL eth0 bridge"]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("keeps on record what a plugin made that cannot be started any more when the ADD is undone", async () => {
    let installed = true;
    const node = stage({
      script: (run) => {
        if (run.type === "portmap") installed = false;
        return run.type === "portmap" || (run.type === "bridge" && !installed) ? undefined : obedient(run);
      },
    });
    await expect(node.add(addRequest({ netConf: netConf(CHAIN) }), node.scope())).rejects.toThrow(
      failed({ code: 104 }),
    );
    expect((await node.journal.read(sandbox))?.attachments.map(({ ifName }) => ifName)).toEqual(["eth0"]);
  });

  it("because a plugin was killed says so", async () => {
    const node = stage({
      script: (run) => (said(run).startsWith("ADD") ? report({ ending: { how: "killed", signal: 9 } }) : obedient(run)),
    });
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow(/signal 9/);
  });
});

describe("an ADD that is refused before anything runs", () => {
  it.each([
    {
      why: "the interface is there already (T026)",
      views: { net1: "taken" },
      code: 103,
      says: "interface name net1 already exists",
    },
    {
      why: "the namespace is not there (T025)",
      views: { eth0: "netns-gone" },
      code: 8,
      says: "no net namespace /run/netns/pod found",
    },
    {
      why: "the path leads to something else",
      views: { eth0: "not-a-netns" },
      code: 8,
      says: "is not a network namespace",
    },
    {
      why: "the namespace is the host's own (T011)",
      views: { eth0: "host-netns" },
      code: 8,
      says: "should not be the same",
    },
  ] as const)("$why", async ({ views, code, says }) => {
    const node = stage({ annotation: "blue", nads: { blue: MACVLAN }, views });
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow(
      failed({ code, message: expect.stringContaining(says) as string, details: expect.any(String) as string }),
    );
    expect(node.said()).toEqual([]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("lets the runtime have the host's namespace when it insists", async () => {
    const node = stage({ views: { eth0: "host-netns" } });
    await node.add(addRequest({ netnsOverride: "1", netnsMayBeHosts: true }), node.scope());
    expect(node.runner.runs[0]?.env).toMatchObject({ CNI_NETNS_OVERRIDE: "1" });
  });

  it.each([
    {
      why: "a network that does not exist (T145)",
      options: { annotation: "blue" },
      want: {
        code: 100,
        message: "[shop/web/uid-1]: cannot find a network-attachment-definition (blue) in namespace (shop)",
      },
    },
    {
      why: "an annotation that cannot be read (T133)",
      options: { annotation: "root@someIP/root@someOtherIP" },
      want: { code: 7 },
    },
    {
      why: "a pod that was replaced by its namesake (T052)",
      options: { podUid: "uid-2" },
      want: {
        code: 102,
        message: '[shop/web/uid-1]: expected pod UID "uid-1" but got "uid-2" from the pod source',
      },
    },
    {
      why: "a namesake that says it came from the API (T055)",
      options: { podUid: "uid-2", annotations: { "kubernetes.io/config.source": "api" } },
      want: { code: 102 },
    },
    {
      why: "a config that two networks cannot share",
      options: { annotation: "blue@x,blue@x", nads: { blue: MACVLAN } },
      want: { code: 103 },
    },
  ])("$why", async ({ options, want }) => {
    const node = stage(options);
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow(
      failed({ ...want, details: expect.anything() as string }),
    );
    expect(node.said()).toEqual([]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("a pod that is not known: try again later, never a made-up result (T050, T051)", async () => {
    const node = stage();
    const args = parseCniArgs(POD_ARGS.replace("=web", "=other"));
    await expect(node.add(addRequest({ args }), node.scope())).rejects.toThrow(
      failed({ code: 11, message: expect.stringContaining("shop/other") as string }),
    );
    expect(node.said()).toEqual([]);
  });

  it.each([
    {
      why: "CNI_ARGS without a UID, which is not looked up either (T053, T291)",
      options: { podUid: "uid-2" },
      args: "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web",
    },
    {
      why: "a static pod, whose mirror has another UID (T054)",
      options: { podUid: "uid-2", annotations: { "kubernetes.io/config.source": "file" } },
    },
    { why: "a source that knows no UIDs", options: { podUid: "" } },
  ])("but not $why", async ({ options, args = POD_ARGS }) => {
    const node = stage(options);
    await node.add(addRequest({ args: parseCniArgs(args) }), node.scope());
    expect(node.said()).toEqual(["ADD eth0 bridge"]);
  });

  it("and a static pod gets what it asks for (T061)", async () => {
    const annotations = { "kubernetes.io/config.source": "file" };
    const node = stage({ podUid: "mirror", annotations, annotation: "blue", nads: { blue: MACVLAN } });
    await node.add(addRequest(), node.scope());
    expect(node.said()).toEqual(["ADD eth0 bridge", "ADD net1 macvlan"]);
  });
});

describe("a second ADD of the same sandbox", () => {
  it("is refused when the first one stands", async () => {
    const node = stage();
    await node.add(addRequest(), node.scope());
    await expect(node.add(addRequest(), node.scope())).rejects.toThrow(failed({ code: 103 }));
    expect(node.said()).toEqual(["ADD eth0 bridge"]);
    expect(await node.journal.list()).toEqual([sandbox]);
  });

  it("takes away first what an interrupted one left", async () => {
    const node = stage();
    await node.add(addRequest(), node.scope());
    const record = (await node.journal.read(sandbox)) ?? expect.fail();
    await node.journal.write({
      ...record,
      attachments: record.attachments.map((attachment) => ({ ...attachment, state: "intended", result: undefined })),
    });
    await node.add(addRequest(), node.scope());
    expect(node.said()).toEqual(["ADD eth0 bridge", "DEL eth0 bridge", "ADD eth0 bridge"]);
  });

  it("for another interface stands beside it, and each DEL takes its own", async () => {
    const node = stage();
    const eth1 = { ...addRequest(), ifName: "eth1" as typeof delRequest.ifName };
    await node.add(addRequest(), node.scope());
    await node.add(eth1, node.scope());
    expect(node.events.told.at(-1)).toMatch(/ AddedInterface Add eth1 \[[^;]*$/);
    await node.del({ ...delRequest, ifName: eth1.ifName }, node.scope());
    expect(node.said().at(-1)).toBe("DEL eth1 bridge");
    expect((await node.journal.read(sandbox))?.attachments.map(({ ifName }) => ifName)).toEqual(["eth0"]);
  });
});

it("an ADD whose record cannot be written runs nothing", async () => {
  const node = stage();
  node.journal.refuse(new PlexusError("io-failure", "no space left on device"));
  await expect(node.add(addRequest(), node.scope())).rejects.toThrow(failed({ code: 5 }));
  expect(node.said()).toEqual([]);
  expect(node.looked).toEqual([`${netns} eth0`]);
});
