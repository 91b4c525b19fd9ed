/**
 * Stands in for Multus, which no package registry has: runs the delegates of its network config, and those that a pod's annotation would add, on
 * every pod, and notes down what it did where and as Multus does (spec §5.1, §5.2). It deletes by these notes; where there are none, by its conf
 * and the annotation, as Multus, or not at all, as the fork.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface PluginConf {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
}
interface Conflist {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly PluginConf[];
}
type Conf = Omit<Conflist, "plugins"> & PluginConf;

/** What multus-node.ts writes. */
interface MultusConf {
  /** The default network of the thick plugin, which is no use without its daemon: a conf's path in the daemon's container. */
  readonly clusterNetwork?: string;
  /** The default network of the thin one. */
  readonly delegates?: readonly (Conflist | Conf)[];
  /** What the pods' annotation asks for. */
  readonly annotated: readonly (Conflist | Conf)[];
  readonly cniDir: string;
  /** TKE's fork calls further interfaces eth1, eth2, writes that down, and keeps no results. */
  readonly fork: boolean;
  readonly runtimeConfig?: Readonly<Record<string, unknown>>;
}

interface Note {
  readonly Bytes: string;
  readonly ifnameRequest?: string;
}

const {
  CNI_COMMAND,
  CNI_CONTAINERID = "",
  CNI_IFNAME = "",
  CNI_NETNS = "",
  CNI_ARGS = "",
  CNI_PATH = "",
} = process.env;
const multus = JSON.parse(readFileSync(0, "utf8")) as MultusConf;
const notes = join(multus.cniDir, CNI_CONTAINERID);
const serves = multus.clusterNetwork === undefined || existsSync("/run/multus/multus.sock");

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const interfaceName = (index: number): string => (index === 0 ? CNI_IFNAME : `${multus.fork ? "eth" : "net"}${index}`);
const listOf = (delegate: Conflist | Conf): Conflist =>
  "plugins" in delegate ? delegate : { cniVersion: delegate.cniVersion, name: delegate.name, plugins: [delegate] };
const resultFile = (list: Conflist, ifName: string): string =>
  join(multus.cniDir, "results", `${list.name}-${CNI_CONTAINERID}-${ifName}`);

/** All of a pod's networks. */
function delegates(): readonly (Conflist | Conf)[] {
  const { clusterNetwork: path } = multus;
  const first =
    path === undefined ? multus.delegates : [JSON.parse(readFileSync(path.replace(/^\/host/, ""), "utf8")) as Conf];
  return [...(first ?? []), ...multus.annotated];
}

/** As it is noted down. */
function entriesOf(networks: readonly (Conflist | Conf)[]): readonly Note[] {
  return networks.map((delegate, index) => ({
    Conf: "plugins" in delegate ? {} : delegate,
    ConfList: "plugins" in delegate ? delegate : {},
    Name: delegate.name,
    ...(multus.fork && { ifnameRequest: interfaceName(index) }),
    Bytes: base64(JSON.stringify(delegate)),
  }));
}

/** Runs one plugin, and returns what it printed. The runtime's capability args are for the default network. */
function run(list: Conflist, plugin: PluginConf, ifName: string, prevResult: unknown): unknown {
  const given = ifName === CNI_IFNAME ? Object.entries(multus.runtimeConfig ?? {}) : [];
  const runtimeConfig = Object.fromEntries(given.filter(([capability]) => plugin.capabilities?.[capability] === true));
  const { cniVersion, name } = list;
  const { status, stdout } = spawnSync(join(CNI_PATH, plugin.type), {
    input: JSON.stringify({ ...plugin, cniVersion, name, runtimeConfig, prevResult }),
    env: { ...process.env, CNI_IFNAME: ifName },
    encoding: "utf8",
  });
  if (status !== 0) fail(`${plugin.type}: ${stdout}`);
  return stdout === "" ? undefined : JSON.parse(stdout);
}

function fail(msg: string): never {
  process.stdout.write(JSON.stringify({ cniVersion: "0.3.1", code: 999, msg }));
  process.exit(1);
}

function add(): void {
  if (!serves) fail("Multus' daemon is away");
  const networks = delegates();
  mkdirSync(join(multus.cniDir, "results"), { recursive: true });
  writeFileSync(notes, JSON.stringify(entriesOf(networks)));
  const results = networks.map((delegate, index) => {
    const list = listOf(delegate);
    const ifName = interfaceName(index);
    const result = list.plugins.reduce<unknown>((previous, plugin) => run(list, plugin, ifName, previous), undefined);
    const cached = {
      kind: "cniCacheV1",
      containerId: CNI_CONTAINERID,
      config: base64(JSON.stringify(delegate)),
      ifName,
      networkName: list.name,
      netns: CNI_NETNS,
      cniArgs: CNI_ARGS.split(";").map((pair) => pair.split("=")),
      ...(ifName === CNI_IFNAME && { capabilityArgs: multus.runtimeConfig }),
      result,
    };
    if (!multus.fork) writeFileSync(resultFile(list, ifName), JSON.stringify(cached));
    return result;
  });
  process.stdout.write(JSON.stringify(results[0]));
}

function del(): void {
  // The thick plugin then reports success.
  if (!serves) return;
  const noted = existsSync(notes);
  if (!noted && multus.fork) return;
  const known = noted ? (JSON.parse(readFileSync(notes, "utf8")) as readonly Note[]) : entriesOf(delegates());
  for (const [index, { Bytes, ifnameRequest }] of [...known.entries()].reverse()) {
    const list = listOf(JSON.parse(Buffer.from(Bytes, "base64").toString()) as Conflist | Conf);
    const ifName = ifnameRequest ?? interfaceName(index);
    const file = resultFile(list, ifName);
    const { result } = (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {}) as {
      readonly result?: unknown;
    };
    for (const plugin of [...list.plugins].reverse()) run(list, plugin, ifName, result);
    rmSync(file, { force: true });
  }
  rmSync(notes, { force: true });
}

if (CNI_COMMAND === "ADD") add();
else if (CNI_COMMAND === "DEL") del();
