/** TKE's rules from the network config to the plugins and back. */
import { describe, expect, it } from "vitest";
import { PlexusError } from "../../../daemon/domain/errors.ts";
import { parseNetConf } from "../../../daemon/domain/netconf.ts";
import type { PluginRun } from "../../../daemon/ports/plugin-runner.ts";
import { fails } from "../../fakes/scripted-plugin-runner.ts";
import { addRequest, delRequest, obedient, sandbox, stage, type StageOptions, stdinOf } from "../stage.ts";

const CONF_DIR = "/etc/cni/net.d/multus";

/** A conf in a file of its own for each name; its plugin is called like it. */
function confs(...names: readonly string[]): [string, string][] {
  return names.map((name) => [`${CONF_DIR}/${name}.conf`, JSON.stringify({ cniVersion: "0.3.1", name, type: name })]);
}

interface Given extends StageOptions {
  /** Of the pod; none unless given. */
  readonly networks?: string | undefined;
  /** Members of the network config beside its name and version. */
  readonly conf?: string;
  readonly confFiles?: readonly (readonly [string, string])[];
}

function onNode({ networks, conf = '"dialect":"tke"', confFiles = confs("a", "b", "c", "d"), ...options }: Given) {
  const annotations = networks === undefined ? {} : { "tke.cloud.tencent.com/networks": networks };
  const files = new Map(confFiles);
  const node = stage({ ...options, annotations, files });
  const netConf = parseNetConf(`{"cniVersion":"0.3.1","name":"multus-cni",${conf}}`);
  return {
    ...node,
    files,
    add: () => node.add(addRequest({ netConf }), node.scope()),
    del: (more: object = {}) => node.del({ ...delRequest, ...more }, node.scope()),
    status: () => node.status({ netConf, searchPath: [] }, node.scope()),
    shown: () => JSON.parse(node.statusBoard.shown(sandbox) ?? "null") as unknown,
  };
}

const DEFAULTS = (value: string): string => `"defaultDelegates":${value}`;

describe("the networks of a pod", () => {
  it.each<Given & { why: string; want: readonly string[] }>([
    { why: "the default one (T1)", conf: DEFAULTS('"a"'), want: ["ADD eth0 a"] },
    { why: "the default ones (T2)", conf: DEFAULTS('"a,b"'), want: ["ADD eth0 a", "ADD eth1 b"] },
    {
      why: "as text of the JSON form (T4)",
      conf: DEFAULTS(String.raw`"[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\",\"interfaceRequest\":\"north\"}]"`),
      want: ["ADD eth0 a", "ADD eth1 b", "ADD north c"],
    },
    {
      why: "as a list of objects (T5)",
      conf: DEFAULTS('[{"name":"a"},{"Name":"b","interfaceRequest":"north"}]'),
      want: ["ADD eth0 a", "ADD north b"],
    },
    { why: "as a list of names (T5)", conf: DEFAULTS('["a","b@north"]'), want: ["ADD eth0 a", "ADD north b"] },
    { why: "an empty annotation is none", conf: DEFAULTS('"a"'), networks: "", want: ["ADD eth0 a"] },
    { why: "an annotation takes their place (T7)", conf: DEFAULTS('"d"'), networks: "a", want: ["ADD eth0 a"] },
    { why: "even when they are nowhere (T8)", conf: DEFAULTS('"missing"'), networks: "a", want: ["ADD eth0 a"] },
    { why: "or cannot be read (T8)", conf: DEFAULTS('"A_B"'), networks: "a", want: ["ADD eth0 a"] },
    { why: "in the annotation's order (T9)", networks: "c,a,b", want: ["ADD eth0 c", "ADD eth1 a", "ADD eth2 b"] },
    { why: "blanks or not (T10)", networks: " a , b ", want: ["ADD eth0 a", "ADD eth1 b"] },
    {
      why: "run in their order whoever is eth0 (T11)",
      networks: "a@eth3,b,c",
      want: ["ADD eth3 a", "ADD eth0 b", "ADD eth4 c"],
    },
    { why: "of any namespace, which is not looked at (T17)", networks: "ns1/a", want: ["ADD eth0 a"] },
    {
      why: "with auto, beside pods of the other rules",
      conf: '"dialect":"auto","delegates":[{"name":"x","type":"x"}]',
      networks: "a",
      want: ["ADD eth0 a"],
    },
    {
      why: "the first file by path counts of two with one name inside (T26)",
      networks: "x",
      confFiles: [
        [`${CONF_DIR}/20-x.conflist`, '{"name":"x","plugins":[{"type":"late"}]}'],
        [`${CONF_DIR}/10-x.conf`, '{"name":"x","type":"early"}'],
      ],
      want: ["ADD eth0 early"],
    },
    {
      why: "a broken file behind the right one does not matter (T27)",
      networks: "a",
      confFiles: [...confs("a"), [`${CONF_DIR}/b.conf`, "{"]],
      want: ["ADD eth0 a"],
    },
    {
      why: "from another confDir, if the config says so",
      conf: '"dialect":"tke","ConfDir":"/mine"',
      networks: "x",
      confFiles: [["/mine/x.json", '{"name":"x","type":"x"}']],
      want: ["ADD eth0 x"],
    },
  ])("$why", async ({ want, ...given }) => {
    const { add, said } = onNode(given);
    await add();
    expect(said()).toEqual(want);
  });

  it.each<Given & { why: string; kind: string; says: string }>([
    { why: "neither annotation nor default (T6)", kind: "invalid-config", says: "no network: " },
    {
      why: "nobody can be eth0 (T14)",
      networks: "a@north",
      kind: "invalid-config",
      says: "no network for interface eth0",
    },
    { why: "two want one interface (T15)", networks: "a@eth1,b@eth1", kind: "interface-conflict", says: "eth1" },
    {
      why: "a name is empty (T20)",
      networks: "a,",
      kind: "network-not-found",
      says: `no network available in the name  in cni dir ${CONF_DIR}`,
    },
    { why: "a list is empty (T25)", networks: "[]", kind: "invalid-config", says: "is an empty list" },
    {
      why: "there are no confs at all",
      networks: "a",
      confFiles: [],
      kind: "network-not-found",
      says: "in the name a",
    },
    {
      why: "a broken file stands before the right one (T27)",
      networks: "b",
      confFiles: [[`${CONF_DIR}/a.conf`, "{"], ...confs("b")],
      kind: "decode-failure",
      says: "CNI config file a.conf is not JSON",
    },
  ])("ADD fails, runs nothing and leaves no record where $why", async ({ kind, says, ...given }) => {
    const { add, said, journal } = onNode(given);
    await expect(add()).rejects.toMatchObject({ kind, message: expect.stringContaining(says) as string });
    expect(said()).toEqual([]);
    expect(await journal.list()).toEqual([]);
  });

  it("ADD runs nothing while the pod cannot be read, to be tried again (T43)", async () => {
    const node = onNode({ networks: "a", conf: DEFAULTS('"d"') });
    node.podBecomes("gone");
    await expect(node.add()).rejects.toMatchObject({ kind: "try-again-later" });
    expect(node.said()).toEqual([]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("a .conf without a type is told to be a conflist, perhaps (T28)", async () => {
    const confFiles = [[`${CONF_DIR}/x.conf`, '{"name":"x","plugins":[{"type":"x"}]}']] as const;
    await expect(onNode({ networks: "x", confFiles }).add()).rejects.toMatchObject({
      message: expect.stringContaining("x.conf: error parsing configuration: missing 'type'") as string,
      details: expect.stringContaining(".conflist") as string,
    });
  });

  it("defaultDelegates as a JSON list cannot be decoded with strictCompat (T5)", () => {
    const text = '{"name":"n","strictCompat":true,"defaultDelegates":["a"]}';
    expect(() => parseNetConf(text)).toThrow("defaultDelegates: expected string");
  });

  it("STATUS has nobody to ask where every pod must ask for its networks", async () => {
    const { status, said } = onNode({});
    await status();
    expect(said()).toEqual([]);
  });
});

describe("ADD", () => {
  it("answers with eth0's result, whichever place it has (T11, T13)", async () => {
    expect(JSON.parse(await onNode({ networks: "a@eth3,b,c" }).add())).toMatchObject({
      interfaces: [{ name: "eth0" }],
    });
    expect(JSON.parse(await onNode({ networks: "a,b@eth0" }).add())).toMatchObject({ interfaces: [{ name: "eth0" }] });
  });

  it("answers in the network config's version (T40)", async () => {
    const old = JSON.stringify({ cniVersion: "0.2.0", ip4: { ip: "10.0.0.5/24", gateway: "10.0.0.1" } });
    const script = (run: PluginRun) => ({ ...obedient(run), stdout: old });
    const confFiles = [[`${CONF_DIR}/a.conf`, '{"cniVersion":"0.2.0","name":"a","type":"a"}']] as const;
    expect(JSON.parse(await onNode({ networks: "a", script, confFiles }).add())).toMatchObject({
      cniVersion: "0.3.1",
      ips: [{ version: "4", address: "10.0.0.5/24", gateway: "10.0.0.1" }],
    });
  });

  it("tells runtimeConfig to the plugins of a list that declare it, and each the result before (T29)", async () => {
    const list = {
      cniVersion: "0.3.1",
      name: "x",
      plugins: [{ type: "one" }, { type: "portmap", capabilities: { portMappings: true } }, { type: "three" }],
    };
    const node = onNode({
      networks: "x",
      conf: '"dialect":"tke","runtimeConfig":{"portMappings":[{"hostPort":80}],"vendor":1}',
      confFiles: [[`${CONF_DIR}/x.conflist`, JSON.stringify(list)]],
    });
    await node.add();
    const given = node.runner.runs.map(stdinOf);
    expect(given.map(({ runtimeConfig }) => runtimeConfig)).toEqual([
      undefined,
      { portMappings: [{ hostPort: 80 }] },
      undefined,
    ]);
    expect(given.map(({ prevResult }) => prevResult !== undefined)).toEqual([false, true, true]);
  });

  it("gives plugins the fork's four CNI_ARGS", async () => {
    const node = onNode({ networks: "a" });
    await node.add();
    expect(node.runner.runs[0]?.env["CNI_ARGS"]).toBe(
      "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=abc",
    );
  });

  it("shows one network as default, in the fork's annotation, named after its conf (T13, T37)", async () => {
    const node = onNode({ networks: "a,b@eth0" });
    await node.add();
    expect(node.statusBoard.annotationOf(sandbox)).toBe("tke.cloud.tencent.com/networks-status");
    expect(node.shown()).toMatchObject([
      { name: "a", interface: "eth1" },
      { name: "b", interface: "eth0", default: true },
    ]);
    expect(node.shown()).not.toMatchObject([{ default: true }, {}]);
    expect(await node.journal.read(sandbox)).toMatchObject({ dialect: "tke" });
  });

  it.each([
    {
      why: "shows the status of a pod without a kubeconfig in the network config (T38)",
      conf: "",
      want: [expect.objectContaining({ name: "a" })] as unknown,
    },
    { why: "shows none then with strictCompat (T38)", conf: ',"strictCompat":true', want: null },
  ])("$why", async ({ conf, want }) => {
    const node = onNode({ networks: "a", conf: `"dialect":"tke"${conf}` });
    await node.add();
    expect(node.shown()).toEqual(want);
  });

  it("shows the first of the list as default, too, with strictCompat (T13)", async () => {
    const node = onNode({ networks: "a,b@eth0", conf: '"dialect":"tke","strictCompat":true,"kubeconfig":"/k"' });
    await node.add();
    expect(node.shown()).toMatchObject([
      { name: "a", default: true },
      { name: "b", default: true },
    ]);
  });

  it("succeeds when the status cannot be shown, and says so (T39)", async () => {
    const node = onNode({ networks: "a" });
    node.statusBoard.refuse(new PlexusError("io-failure", "the API server answered 403"));
    await node.add();
    expect(node.said()).toEqual(["ADD eth0 a"]);
    expect(await node.journal.read(sandbox)).toMatchObject({ attachments: [{ state: "attached" }] });
    expect(node.warnings).toEqual(["attached, but writing network-status failed: the API server answered 403"]);
  });

  it("that fails takes back what there is, and names the network (T32)", async () => {
    const script = (run: PluginRun) =>
      run.type === "b" && isAdd(run) ? fails('{"code":7,"msg":"no"}') : obedient(run);
    const node = onNode({ networks: "a,b,c", script });
    await expect(node.add()).rejects.toThrow('error adding container to network "b": no');
    expect(node.said()).toEqual(["ADD eth0 a", "ADD eth1 b", "DEL eth1 b", "DEL eth0 a"]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("keeps on record what it could not take back, where the fork forgets it (T32)", async () => {
    const script = (run: PluginRun) =>
      (run.type === "b" && isAdd(run)) || (run.type === "a" && !isAdd(run))
        ? fails('{"code":7,"msg":"no"}')
        : obedient(run);
    const node = onNode({ networks: "a,b", script });
    await expect(node.add()).rejects.toThrow('network "b"');
    expect(await node.journal.read(sandbox)).toMatchObject({ attachments: [{ network: "a" }] });
  });

  it("runs nothing where an interface of that name is there already, and leaves nothing (T42)", async () => {
    const node = onNode({ networks: "a,b", views: { eth1: "taken" } });
    await expect(node.add()).rejects.toMatchObject({ kind: "interface-conflict" });
    expect(node.said()).toEqual([]);
    expect(await node.journal.list()).toEqual([]);
  });
});

describe("DEL", () => {
  it("without a record succeeds and runs nothing (T33)", async () => {
    const node = onNode({ networks: "a,b" });
    await node.del();
    expect(node.said()).toEqual([]);
  });

  it("keeps what failed on record, fails, and the next one runs nothing else (T34)", async () => {
    let isBroken = true;
    const script = (run: PluginRun) =>
      run.type === "b" && !isAdd(run) && isBroken ? fails('{"code":11,"msg":"busy"}') : obedient(run);
    const node = onNode({ networks: "a,b,c", script });
    await node.add();
    await expect(node.del()).rejects.toThrow('error deleting interface eth1 from network "b": busy');
    expect(await node.journal.read(sandbox)).toMatchObject({ dialect: "tke", attachments: [{ network: "b" }] });
    isBroken = false;
    await node.del();
    expect(node.said().slice(3)).toEqual(["DEL eth2 c", "DEL eth1 b", "DEL eth0 a", "DEL eth1 b"]);
    expect(await node.journal.list()).toEqual([]);
  });

  it("works from the record when the confs are gone, and the pod too (T35)", async () => {
    const node = onNode({ networks: "a,b" });
    await node.add();
    node.files.clear();
    node.podBecomes("gone");
    await node.del();
    expect(node.said().slice(2)).toEqual(["DEL eth1 b", "DEL eth0 a"]);
  });

  it("without CNI_NETNS runs its plugins without one (T36)", async () => {
    const node = onNode({ networks: "a,b" });
    await node.add();
    await node.del({ netns: "" });
    expect(node.runner.runs.slice(2).map(({ env }) => env["CNI_NETNS"] ?? "")).toEqual(["", ""]);
  });

  it("of a damaged record works out the fork's interfaces anew", async () => {
    const node = onNode({ networks: "a@eth3,b" });
    await node.add();
    node.journal.spoil(sandbox);
    const { netConf, args, searchPath, netnsOverride } = addRequest({
      netConf: parseNetConf('{"name":"multus-cni","dialect":"tke"}'),
    });
    await node.del({ origin: { netConf, args, searchPath, netnsOverride } });
    expect(node.said().slice(2)).toEqual(["DEL eth0 b", "DEL eth3 a"]);
  });
});

function isAdd({ env }: PluginRun): boolean {
  return env["CNI_COMMAND"] === "ADD";
}
