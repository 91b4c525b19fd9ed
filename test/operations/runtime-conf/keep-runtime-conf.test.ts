import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../daemon/config/load.ts";
import { runtimeConfOf } from "../../../daemon/config/runtime-conf.ts";
import { PlexusError } from "../../../daemon/domain/errors.ts";
import { keepRuntimeConf, makeRuntimeConfKeeper } from "../../../daemon/operations/runtime-conf/keep-runtime-conf.ts";
import type { ConfFiles } from "../../../daemon/ports/conf-files.ts";
import { manualClock } from "../../fakes/manual-clock.ts";
import { memoryConfDirectory } from "../../fakes/memory-conf-directory.ts";
import { memoryConfFiles } from "../../fakes/memory-conf-files.ts";

const DIR = "/etc/cni/net.d";
const OURS = `${DIR}/00-plexus.conf`;

const conf = (name: string, more: object = {}): string =>
  JSON.stringify({ cniVersion: "1.0.0", name, type: "bridge", ...more });
const flannel = (more: object = {}): string =>
  JSON.stringify({
    cniVersion: "0.3.1",
    name: "cbr0",
    plugins: [{ type: "flannel" }, { type: "portmap", capabilities: { portMappings: true, dns: false } }],
    ...more,
  });

/** A node with these files, and a daemon with these settings that has not looked yet. */
function node(
  files: Readonly<Record<string, string>>,
  settings: object = {},
  /** Paths that cannot be read. */
  unreadable: readonly string[] = [],
) {
  const disk = new Map(
    Object.entries(files).map(([name, text]) => [name.startsWith("/") ? name : `${DIR}/${name}`, text]),
  );
  const clock = manualClock();
  const said: string[] = [];
  const directory = memoryConfDirectory(disk);
  const given = runtimeConfOf(parseConfig(JSON.stringify({ multusConfigFile: "auto", ...settings }), "daemon.json"));
  const onDisk = memoryConfFiles(disk);
  const looked: string[] = [];
  const confFiles: ConfFiles = {
    ...onDisk,
    look: async (path) => {
      looked.push(path);
      if (unreadable.includes(path)) throw new PlexusError("io-failure", `cannot read ${path}`);
      return onDisk.look(path);
    },
  };
  let unable: PlexusError | undefined;
  const makeKeeper = () =>
    makeRuntimeConfKeeper(
      {
        confFiles,
        directory,
        clock,
        refuseUnlessAble: async () => {
          if (unable !== undefined) throw unable;
        },
        inform: (message) => said.push(message),
        warn: (message) => said.push(`! ${message}`),
      },
      given ?? expect.fail("the daemon is to keep the runtime's conf"),
    );
  let keeper = makeKeeper();
  return {
    disk,
    looked,
    clock,
    directory,
    said,
    look: () => keeper.look(),
    /** Looks for so many seconds, once each. */
    async lookFor(seconds: number) {
      for (let passed = 0; passed < seconds; passed++) {
        await keeper.look();
        clock.advance(1_000);
      }
    },
    problem: () => keeper.problem(),
    restart: () => {
      keeper = makeKeeper();
    },
    disable: (error: PlexusError | undefined) => {
      unable = error;
    },
    put: (name: string, text: string) => disk.set(`${DIR}/${name}`, text),
    take: (name: string) => disk.delete(`${DIR}/${name}`),
    /** The runtime's conf as it stands. */
    get ours() {
      const text = disk.get(OURS);
      return text === undefined ? undefined : (JSON.parse(text) as Readonly<Record<string, unknown>>);
    },
    /** The default network of the runtime's conf as it stands, without the directory. */
    get primary() {
      return String(this.ours?.["clusterNetwork"]).replace(`${DIR}/`, "");
    },
  };
}

describe("the runtime's conf", () => {
  it.each([
    {
      why: "is minimal (T280)",
      files: { "10-a.conf": conf("a") },
      settings: {},
      want: { cniVersion: "1.0.0", name: "plexus", type: "plexus", clusterNetwork: `${DIR}/10-a.conf` },
    },
    {
      why: "has the capabilities that are asked for and those that plugins have, true ones only (T280)",
      files: { "10-flannel.conflist": flannel() },
      settings: { capabilities: { bandwidth: true } },
      want: {
        cniVersion: "0.3.1",
        name: "plexus",
        type: "plexus",
        capabilities: { bandwidth: true, portMappings: true },
        clusterNetwork: `${DIR}/10-flannel.conflist`,
      },
    },
    {
      why: "has the capabilities of a single conf (T280)",
      files: { "10-a.conf": conf("a", { capabilities: { ips: true } }) },
      settings: { cniVersion: "0.4.0" },
      want: {
        cniVersion: "0.4.0",
        name: "plexus",
        type: "plexus",
        capabilities: { ips: true },
        clusterNetwork: `${DIR}/10-a.conf`,
      },
    },
    {
      why: "has the name of the default network (T284)",
      files: { "10-flannel.conflist": flannel() },
      settings: { overrideNetworkName: true, type: "multus-shim" },
      want: {
        cniVersion: "0.3.1",
        name: "cbr0",
        type: "multus-shim",
        capabilities: { portMappings: true },
        clusterNetwork: `${DIR}/10-flannel.conflist`,
      },
    },
  ])("$why", async ({ files, settings, want }) => {
    const it = node(files, settings);
    expect(it.problem()).toMatch(/not been looked after/);
    await it.look();
    expect(it.ours).toStrictEqual(want);
    expect(it.problem()).toBeUndefined();
  });

  it("is made from the first conf by name that is neither Multus' nor ours, and no .json (T281)", async () => {
    const it = node({
      "00-multus.json": conf("m"),
      "10-a.conflist": flannel(),
      "05-b.conf": conf("b"),
      "01-c.json": conf("c", { type: "plexus" }),
      "00-plexus-old.conf": conf("o"),
    });
    await it.look();
    expect(it.primary).toBe("05-b.conf");
  });

  it("is made from the conf that is named", async () => {
    const it = node({ "05-b.conf": conf("b"), "10-a.conf": conf("a") }, { multusMasterCNI: "10-a.conf" });
    await it.look();
    expect(it.primary).toBe("10-a.conf");
  });

  it("has plugins in mind that stand beside the default network's list", async () => {
    const it = node({
      "10-flannel.conflist": flannel(),
      [`${DIR}/cbr0/20-tune.conf`]: JSON.stringify({ type: "tuning", capabilities: { mac: true } }),
    });
    await it.look();
    expect(it.ours).toMatchObject({ capabilities: { portMappings: true, mac: true } });
  });

  it("is in a directory of its own when that is where the runtime reads", async () => {
    const it = node({ "10-a.conf": conf("a") }, { cniConfigDir: "/run/cni/", multusAutoconfigDir: `${DIR}/` });
    await it.look();
    expect([...it.disk.keys()]).toEqual([`${DIR}/10-a.conf`, "/run/cni/00-plexus.conf"]);
  });

  it("is not written before the daemon can attach pods, and stays if it is there", async () => {
    const it = node({ "10-a.conf": conf("a") });
    it.disable(new PlexusError("not-available", "the cluster's pods are not known yet"));
    await it.look();
    expect([it.ours, it.problem()]).toEqual([undefined, "the cluster's pods are not known yet"]);
    it.disable(undefined);
    await it.look();
    it.restart();
    it.disable(new PlexusError("not-available", "the cluster's pods are not known yet"));
    await it.look();
    expect([it.primary, it.problem()]).toEqual(["10-a.conf", undefined]);
  });

  it("says what keeps it from being written, and is written when that is over", async () => {
    const it = node({ "10-a.conf": conf("a") });
    it.directory.refuse(new PlexusError("io-failure", "cannot write it: EROFS"));
    await it.look();
    expect(it.problem()).toBe("cannot write it: EROFS");
    it.directory.refuse(undefined);
    await it.look();
    expect([it.primary, it.problem()]).toEqual(["10-a.conf", undefined]);
  });
});

describe("versions", () => {
  it.each([
    {
      why: "older than 0.4.0 does not go with a newer one (T282)",
      primary: conf("a", { cniVersion: "0.3.1" }),
      says: "failed to load the primary CNI configuration as a multus delegate with error 'delegate cni version is 0.3.1 while top level cni version is 0.4.0'",
    },
    {
      why: "none does not either (T282)",
      primary: conf("a", { cniVersion: undefined }),
      says: "failed to load the primary CNI configuration as a multus delegate with error 'couldn't get cni version of delegate'",
    },
  ])("a default network of a version $why", async ({ primary, says }) => {
    const it = node({ "10-a.conf": primary }, { cniVersion: "0.4.0" });
    await it.look();
    expect(it.problem()).toContain(says);
    expect(it.ours).toBeUndefined();
  });

  it("below 0.4.0 anything goes (T282)", async () => {
    const it = node({ "10-a.conf": conf("a") }, { cniVersion: "0.3.1" });
    await it.look();
    expect(it.ours).toMatchObject({ cniVersion: "0.3.1" });
  });

  it("are the default network's unless given; without either 0.3.1", async () => {
    const it = node({ "10-a.conf": conf("a", { cniVersion: "" }) });
    await it.look();
    expect(it.ours).toMatchObject({ cniVersion: "0.3.1" });
  });

  it("can be forced upon the default network, whose other keys stay as they were (T285)", async () => {
    const it = node(
      { "10-a.conf": '{"cniVersion":"0.3.1", "name":"a","type":"bridge","big": 9007199254740993}' },
      { cniVersion: "1.0.0", forceCNIVersion: true },
    );
    await it.look();
    expect(it.disk.get(`${DIR}/10-a.conf`)).toBe(
      '{"cniVersion":"1.0.0","name":"a","type":"bridge","big":9007199254740993}\n',
    );
    expect([it.ours?.["cniVersion"], it.problem()]).toEqual(["1.0.0", undefined]);
  });
});

describe("a default network that changes", () => {
  it("is followed when its file is written anew (T283)", async () => {
    const it = node({ "10-flannel.conflist": flannel() });
    await it.look();
    it.put("10-flannel.conflist", flannel({ plugins: [{ type: "flannel", capabilities: { bandwidth: true } }] }));
    await it.look();
    expect(it.ours).toMatchObject({ capabilities: { bandwidth: true } });
  });

  it.each([
    { why: "truncated", text: "" },
    { why: "half-written", text: flannel().slice(0, 40) },
    { why: "without plugins", text: '{"cniVersion":"1.0.0","name":"cbr0","plugins":[]}' },
  ])("keeps the last good conf while it is $why, and says so without quoting it (T286)", async ({ text }) => {
    const it = node({ "10-flannel.conflist": flannel() });
    await it.look();
    const before = it.disk.get(OURS);
    it.put("10-flannel.conflist", text);
    await it.look();
    expect(it.disk.get(OURS)).toBe(before);
    expect(it.problem()).toMatch(/^\/etc\/cni\/net.d\/10-flannel.conflist cannot be used for the default network: /);
    it.put("10-flannel.conflist", flannel());
    await it.look();
    expect(it.problem()).toBeUndefined();
  });

  it("keeps the conf while the file is gone, and says so; also across a restart, and if somebody takes the conf away", async () => {
    const it = node({ "10-flannel.conflist": flannel() });
    await it.look();
    it.take("10-flannel.conflist");
    await it.look();
    it.restart();
    await it.look();
    it.take("00-plexus.conf");
    await it.look();
    expect(it.primary).toBe("10-flannel.conflist");
    expect(it.problem()).toBe("there is no CNI conf of the default network in /etc/cni/net.d yet");
  });

  it("changes hands when another file comes first and stays for 10 s", async () => {
    const it = node({ "10-flannel.conflist": flannel() });
    await it.look();
    it.put("05-cilium.conflist", conf("cilium"));
    it.put("05-cilium.conflist", flannel({ name: "cilium" }));
    await it.lookFor(10);
    expect([it.primary, it.problem()]).toEqual(["10-flannel.conflist", undefined]);
    expect(it.said).toContain(
      "05-cilium.conflist will be taken for the default network's conf instead of 10-flannel.conflist if it stays",
    );
    await it.look();
    expect(it.primary).toBe("05-cilium.conflist");
  });

  it("does not change hands for a file that comes and goes, and is followed meanwhile", async () => {
    const it = node({ "10-a.conf": conf("a") });
    await it.look();
    it.put("05-b.conf", conf("b"));
    await it.lookFor(8);
    it.put("10-a.conf", conf("a", { capabilities: { mac: true } }));
    await it.look();
    it.take("05-b.conf");
    await it.lookFor(2);
    it.put("05-b.conf", conf("b"));
    await it.lookFor(8);
    expect(it.ours).toMatchObject({ clusterNetwork: `${DIR}/10-a.conf`, capabilities: { mac: true } });
  });

  it("changes hands when its file is gone for 10 s and there is another, across a restart too", async () => {
    const it = node({ "10-a.conf": conf("a"), "20-b.conf": conf("b") });
    await it.look();
    it.take("10-a.conf");
    it.restart();
    await it.lookFor(9);
    expect(it.primary).toBe("10-a.conf");
    expect(it.problem()).toMatch(/10-a.conf is gone, and another takes its place/);
    await it.lookFor(2);
    expect([it.primary, it.problem()]).toEqual(["20-b.conf", undefined]);
  });

  it("stays as it is while the file that comes first cannot be used", async () => {
    const it = node({ "10-a.conf": conf("a") });
    await it.look();
    it.put("05-b.conf", "{");
    await it.lookFor(12);
    it.put("10-a.conf", conf("a", { capabilities: { mac: true } }));
    await it.look();
    expect(it.ours).toMatchObject({ clusterNetwork: `${DIR}/10-a.conf`, capabilities: { mac: true } });
    expect(it.problem()).toMatch(/05-b.conf cannot be used/);
  });

  it("changes hands at once when the administrator names another", async () => {
    const files = { "10-a.conf": conf("a"), "20-b.conf": conf("b") };
    const before = node(files);
    await before.look();
    const it = node(Object.fromEntries(before.disk), { multusMasterCNI: "20-b.conf" });
    await it.look();
    expect(it.primary).toBe("20-b.conf");
  });
});

describe("a node without a default network", () => {
  it("is waited for, said to wait for now and again, for as long as it takes (T290)", async () => {
    const it = node({});
    await it.lookFor(150);
    const waits = "there is no CNI conf of the default network in /etc/cni/net.d yet";
    expect(it.problem()).toBe(waits);
    expect(it.said).toEqual([`! ${waits}`, `! still: ${waits}`, `! still: ${waits}`]);
    it.put("10-a.conf", conf("a"));
    await it.look();
    expect(it.problem()).toBeUndefined();
    expect(it.said.slice(3)).toEqual([
      "the default network's conf is /etc/cni/net.d/10-a.conf",
      "wrote /etc/cni/net.d/00-plexus.conf",
      "all is well with /etc/cni/net.d/00-plexus.conf again",
    ]);
  });

  it.each([
    {
      why: "Cilium renamed it",
      name: "10-flannel.conflist.cilium_bak",
      says: "Cilium renamed 10-flannel.conflist to 10-flannel.conflist.cilium_bak: set its Helm value cni.exclusive to false",
    },
    {
      why: "thin Multus renamed it",
      name: "10-flannel.conflist.old",
      says: "10-flannel.conflist was renamed to 10-flannel.conflist.old: see who did, and rename it back",
    },
  ])("says that $why", async ({ name, says }) => {
    const it = node({ [name]: flannel() });
    await it.look();
    expect(it.problem()).toBe(`there is no CNI conf of the default network in /etc/cni/net.d yet: ${says}`);
  });

  it("waits for the one that is named, and for no other", async () => {
    const it = node({ "10-a.conf": conf("a") }, { multusMasterCNI: "10-b.conf" });
    await it.look();
    expect(it.problem()).toBe("there is no 10-b.conf in /etc/cni/net.d yet");
  });
});

describe("a conf that leads back to Plexus", () => {
  const plugins = (...types: readonly object[]): string =>
    JSON.stringify({ cniVersion: "1.0.0", name: "x", plugins: types });

  it.each([
    { why: "it is one of ours", files: { "10-x.conf": conf("x", { type: "plexus" }) } },
    { why: "it is thin Multus'", files: { "10-x.conf": conf("x", { type: "multus" }) } },
    { why: "it is thick Multus', in any case", files: { "10-x.conf": '{"name":"x","TYPE":"multus-shim"}' } },
    { why: "it is of the type that ours has", files: { "10-x.conf": conf("x", { type: "plexus-blue" }) } },
    { why: "one of its plugins is", files: { "10-x.conflist": plugins({ type: "bridge" }, { type: "multus" }) } },
    { why: "its delegate is", files: { "10-x.conf": conf("x", { type: "flannel", delegate: { type: "plexus" } }) } },
    {
      why: "a delegate of a delegate is",
      files: { "10-x.conf": conf("x", { type: "meta", delegates: [{ plugins: [{ delegate: { type: "plexus" } }] }] }) },
    },
    {
      why: "a plugin beside it is",
      files: { "10-x.conflist": plugins({ type: "bridge" }), [`${DIR}/x/10-y.conf`]: '{"type":"plexus"}' },
    },
    {
      why: "the conf that it names is",
      files: {
        "10-x.conf": conf("x", { type: "meta", clusterNetwork: "/opt/a.conf" }),
        "/opt/a.conf": conf("a", { type: "meta", defaultNetworks: ["/opt/b"] }),
        "/opt/b/c.conflist": plugins({ type: "multus-shim" }),
      },
    },
  ])("is passed over, as $why, and said to be", async ({ files }) => {
    const it = node(files, { type: "plexus-blue" });
    await it.look();
    expect(it.ours).toBeUndefined();
    expect(it.problem()).toMatch(
      /leads to a plugin of type (?:plexus|multus|multus-shim|plexus-blue), and so to Plexus itself/,
    );
    it.put("20-good.conf", conf("good"));
    await it.look();
    expect(it.primary).toBe("20-good.conf");
  });

  it("is passed over when it is there and cannot be read", async () => {
    const it = node({ "10-socket.conf": "", "20-good.conf": conf("good") }, {}, [`${DIR}/10-socket.conf`]);
    await it.look();
    expect(it.primary).toBe("20-good.conf");
  });

  it("is not used when it takes the place of a good one", async () => {
    const it = node({ "10-a.conf": conf("a") });
    await it.look();
    it.put("10-a.conf", conf("a", { type: "multus" }));
    await it.look();
    expect(it.problem()).toMatch(/10-a.conf leads to a plugin of type multus/);
  });

  it("does not keep anybody busy that leads to itself", async () => {
    const itself = `${DIR}/10-x.conf`;
    const it = node({ "10-x.conf": conf("x", { type: "meta", defaultNetworks: [itself, itself, itself] }) });
    await it.look();
    expect(it.primary).toBe("10-x.conf");
    expect(it.looked.length).toBeLessThan(10);
  });
});

describe("other programs that touch the runtime's conf", () => {
  it.each([
    { why: "removed", meddle: (disk: Map<string, string>) => disk.delete(OURS), how: "took away" },
    { why: "changed", meddle: (disk: Map<string, string>) => disk.set(OURS, "{}"), how: "changed" },
  ])("it is put back when it is $why", async ({ meddle, how }) => {
    const it = node({ "10-a.conf": conf("a") });
    await it.look();
    meddle(it.disk);
    await it.look();
    expect([it.primary, it.problem()]).toEqual(["10-a.conf", undefined]);
    expect(it.said).toContain(`! put ${OURS} back, which somebody ${how}: see which program does that`);
  });

  it("Cilium, which renames it again and again, is named, and not answered faster and faster", async () => {
    const it = node({ "05-cilium.conflist": flannel() });
    await it.look();
    for (let second = 0; second < 100; second++) {
      it.take("00-plexus.conf");
      it.put("00-plexus.conf.cilium_bak", "{}");
      await it.look();
      it.clock.advance(1_000);
    }
    expect(it.problem()).toContain("another program keeps taking /etc/cni/net.d/00-plexus.conf away");
    expect(it.problem()).toContain("set its Helm value cni.exclusive to false");
    expect(it.said.filter((line) => line.startsWith("! put"))).toHaveLength(7);
    await it.lookFor(150);
    expect([it.primary, it.problem()]).toEqual(["05-cilium.conflist", undefined]);
  });

  it.each([
    { name: "00-multus.conf", says: "take Multus off this node, and then the file" },
    { name: "00-aaa.json", says: "rename or remove it" },
    { name: "00-broken.conflist", says: "rename or remove it" },
  ])("one that puts $name before it is told of", async ({ name, says }) => {
    const it = node({ "10-a.conf": conf("a"), [name]: '{"type":"multus-shim"}' }, { multusMasterCNI: "10-a.conf" });
    await it.look();
    expect(it.primary).toBe("10-a.conf");
    expect(it.problem()).toBe(
      `the runtime uses ${DIR}/${name}, which comes before 00-plexus.conf, so pods lack networks: ${says}`,
    );
  });

  it("Multus', which it comes before itself, is no trouble", async () => {
    const it = node(
      { "00-multus.conf": '{"type":"multus-shim"}', "10-a.conf": conf("a") },
      { cniConfigFile: "00-a-plexus.json" },
    );
    await it.look();
    expect(it.problem()).toBeUndefined();
    expect([...it.disk.keys()].toSorted()[0]).toBe(`${DIR}/00-a-plexus.json`);
  });

  it.each([
    { why: "a conf", text: '{"type":"plexus"}' },
    { why: "a list", text: '{"plugins":[{"type":"plexus"}]}' },
  ])("$why of ours that was put before it by hand is fine", async ({ text }) => {
    const it = node({ "10-a.conf": conf("a"), "00-a-plexus.json": text });
    await it.look();
    expect(it.problem()).toBeUndefined();
  });
});

describe("a default network that says by a file that it is ready", () => {
  const READY = "/run/flannel/ready";

  it("has no conf before that, and again while it is not; the daemon stays (T288)", async () => {
    const files = { "/opt/net.d/10-a.conf": conf("a") };
    const it = node(files, { readinessindicatorfile: READY, multusAutoconfigDir: "/opt/net.d" });
    await it.look();
    expect([it.ours, it.problem()]).toEqual([
      undefined,
      `the default network is not ready: there is no readinessindicatorfile ${READY}`,
    ]);
    it.disk.set(READY, "");
    await it.look();
    expect([it.ours?.["clusterNetwork"], it.problem()]).toEqual(["/opt/net.d/10-a.conf", undefined]);
    it.disk.delete(READY);
    await it.look();
    expect(it.ours).toBeUndefined();
    it.disk.set(READY, "");
    await it.look();
    expect([it.ours?.["clusterNetwork"], it.problem()]).toEqual(["/opt/net.d/10-a.conf", undefined]);
  });

  it("keeps the conf where the runtime would take another one, as pods would lack networks (T288)", async () => {
    const it = node({ "10-a.conf": conf("a"), [READY]: "" }, { readinessindicatorfile: READY });
    await it.look();
    it.disk.delete(READY);
    await it.look();
    expect(it.primary).toBe("10-a.conf");
    expect(it.problem()).toContain("the default network is not ready");
  });
});

describe("a conf that is given", () => {
  const GIVEN = "/etc/plexus/07-mine.conf";

  it("is copied, and followed (T289)", async () => {
    const it = node({ [GIVEN]: '{"type":"plexus","name":"mine"}' }, { multusConfigFile: GIVEN });
    await it.look();
    expect(it.disk.get(`${DIR}/07-mine.conf`)).toBe('{"type":"plexus","name":"mine"}');
    it.disk.set(GIVEN, '{"type":"plexus","name":"other"}');
    await it.look();
    expect(it.disk.get(`${DIR}/07-mine.conf`)).toBe('{"type":"plexus","name":"other"}');
    expect(it.problem()).toBeUndefined();
  });

  it.each([
    {
      why: "not there",
      change: (disk: Map<string, string>) => disk.delete(GIVEN),
      says: "there is no multusConfigFile",
    },
    { why: "half-written", change: (disk: Map<string, string>) => disk.set(GIVEN, '{"ty'), says: "is not JSON" },
  ])("stays as it was while it is $why", async ({ change, says }) => {
    const it = node({ [GIVEN]: "{}" }, { multusConfigFile: GIVEN });
    await it.look();
    change(it.disk);
    await it.look();
    expect(it.disk.get(`${DIR}/07-mine.conf`)).toBe("{}");
    expect(it.problem()).toContain(says);
  });
});

it("is looked after until the daemon stops, and stays then (T273)", async () => {
  const it = node({ "10-a.conf": conf("a") });
  const stopping = new AbortController();
  let renewed = 0;
  const changes = {
    renew: () => {
      renewed++;
      if (renewed === 3) stopping.abort();
    },
    next: () => new Promise<void>(() => undefined),
    close: () => undefined,
  };
  await keepRuntimeConf({ look: it.look, problem: it.problem }, changes, it.clock, stopping.signal);
  expect(renewed).toBe(3);
  expect(it.primary).toBe("10-a.conf");
});
