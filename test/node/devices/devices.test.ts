/**
 * The shipped daemon and executable with a kubelet's pod-resources socket, an API server, and a plugin of type sriov that refuses whatever a
 * real one could not use.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Kubelet, startKubelet } from "../../adapters/devices/kubelet.ts";
import { claim, nad, pod, slice } from "../../api-server/samples.ts";
import { type ApiServer, startApiServer } from "../../api-server/start-api-server.ts";
import { deployedRules } from "../../deploy/rbac.ts";
import { installScripted, type ScriptedPlugin } from "../../plugins/scripted.ts";
import { here } from "../host.ts";
import { podArgs } from "../plexus.ts";

const NETNS = `plexus-devices-${process.pid}`;
const SRIOV = "intel.com/sriov";
const NOTE = {
  type: "pci",
  version: "1.1.0",
  pci: { "pci-address": "0000:01:10.0", "pf-pci-address": "0000:01:00.0" },
};

const RESULT = `printf '{"cniVersion":"1.0.0","interfaces":[{"name":"%s","sandbox":"%s"}]}' "$CNI_IFNAME" "$CNI_NETNS"`;

/** On ADD and DEL it wants a device, the same under all names, and the file with what is known of it; and to be alone. */
const CHECKS = `
refuse() { printf '{"cniVersion":"1.0.0","code":7,"msg":"%s"}' "$1"; exit 1; }
member() { printf '%s' "$stdin" | grep -o "\\"$1\\":\\"[^\\"]*\\"" | cut -d'"' -f4; }
mkdir ../alone 2>/dev/null || refuse "another one is at work"
trap 'rmdir ../alone' EXIT
set -- $(member deviceID)
[ $# = 2 ] || refuse "not two device ids"
[ "$1" = "$2" ] || refuse "two devices"
[ "$1" = "$(member pciBusID)" ] || refuse "another bus id"
sleep 0.05
`;

const SRIOV_CONF = '{"cniVersion":"1.0.0","type":"sriov","capabilities":{"deviceID":true,"CNIDeviceInfoFile":true}}';

interface Answer {
  readonly status: number | null;
  readonly json: Readonly<Record<string, unknown>>;
}

const web = (networks: string, status = {}) =>
  pod({ name: "web", uid: "uid-web", annotations: { "k8s.v1.cni.cncf.io/networks": networks }, status });

describe.skipIf(process.getuid?.() !== 0)("a node with devices", () => {
  let directory: string;
  let api: ApiServer;
  let kubelet: Kubelet;
  let sriov: ScriptedPlugin;
  let daemon: ChildProcess;
  /** What the kubelet was asked in this test. */
  let askedSince: () => readonly string[];

  beforeAll(async () => {
    execFileSync("ip", ["netns", "add", NETNS]);
    directory = await mkdtemp(join(tmpdir(), "plexus-devices-"));
    await mkdir(join(directory, "bin"));
    await mkdir(join(directory, "devinfo/dp"), { recursive: true });
    await writeFile(join(directory, "devinfo/dp/intel.com-sriov-0000:01:10.0-device.json"), JSON.stringify(NOTE));
    const pods = await installScripted(join(directory, "bin"), "pods");
    await pods.on("ADD", RESULT);
    sriov = await installScripted(join(directory, "bin"), "sriov");
    await sriov.on("ADD", `${CHECKS}\n${RESULT}`);
    await sriov.on("DEL", CHECKS);
    kubelet = await startKubelet(join(directory, "kubelet"));
    api = await startApiServer({ rules: await deployedRules() });
    api.put(nad({ name: "vf", config: SRIOV_CONF, annotations: { "k8s.v1.cni.cncf.io/resourceName": SRIOV } }));
    api.put(web("vf,vf"));
    const conf = { ...(JSON.parse(SRIOV_CONF) as object), deviceID: "card", pciBusID: "card" };
    api.put(nad({ name: "fixed", config: JSON.stringify(conf) }));
    const networks = { "k8s.v1.cni.cncf.io/networks": '[{"name":"fixed","deviceID":"card"}]' };
    api.put(pod({ name: "fixed", uid: "uid-fixed", annotations: networks }));
    await start();
  });
  afterAll(async () => {
    daemon.kill("SIGKILL");
    await api.stop();
    await kubelet.stop();
    await rm(directory, { recursive: true });
    execFileSync("ip", ["netns", "del", NETNS]);
  });

  beforeEach(async () => {
    // A pod like the first one of its name, as far as the daemon is told.
    api.put(web("vf,vf"));
    kubelet.allocations = {};
    const before = kubelet.asked.length;
    askedSince = () => kubelet.asked.slice(before);
    api.reset();
  });

  async function start(): Promise<void> {
    const config = {
      socketDir: join(directory, "run"),
      stateDir: join(directory, "state"),
      binDir: join(directory, "bin"),
      kubeletDir: join(directory, "kubelet"),
      deviceInfoDir: join(directory, "devinfo"),
      nodeName: "node-a",
      kubeconfig: api.kubeconfig,
    };
    const file = join(directory, "daemon.json");
    await writeFile(file, JSON.stringify(config));
    daemon = spawn(here("dist/plexus-daemon"), ["--config", file], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE: process.execPath },
    });
    if (daemon.stdout === null) throw new Error("the daemon has no standard output");
    const ready = Promise.withResolvers<undefined>();
    createInterface({ input: daemon.stdout }).on("line", (line) => {
      if ((JSON.parse(line) as { msg: string }).msg === "ready") ready.resolve(undefined);
    });
    daemon.once("exit", (code) => {
      ready.reject(new Error(`the daemon ended with ${String(code)}`));
    });
    await ready.promise;
    await api.until("both watches", () => api.watches().length === 2);
    api.reset();
  }

  async function cni(verb: string, containerId: string, name = "web"): Promise<Answer> {
    const conf = {
      cniVersion: "1.1.0",
      name: "plexus",
      type: "plexus",
      daemonSocketDir: join(directory, "run"),
      delegates: [{ cniVersion: "1.0.0", name: "pods", type: "pods" }],
    };
    const env = {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: containerId,
      CNI_NETNS: `/run/netns/${NETNS}`,
      CNI_IFNAME: "eth0",
      CNI_PATH: "/nowhere",
      CNI_ARGS: podArgs(name, "default", `uid-${name}`),
    };
    const child = spawn(here("dist/plexus"), { env, stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end(JSON.stringify(conf));
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    const [status] = (await once(child, "close")) as [number | null];
    return { status, json: printed === "" ? {} : (JSON.parse(printed) as Record<string, unknown>) };
  }

  const networkStatus = (): unknown => {
    const { annotations } = api.get(web(""))?.metadata as unknown as { annotations: Record<string, string> };
    return JSON.parse(annotations["k8s.v1.cni.cncf.io/network-status"] ?? "null");
  };

  /** What the plugin was told of its device, run by run. */
  async function told(containerId: string): Promise<readonly string[]> {
    const starts = (await sriov.events()).filter(
      ({ event, env }) => event === "start" && env["CNI_CONTAINERID"] === containerId,
    );
    return starts.map(({ env, stdin }) => {
      const { deviceID } = JSON.parse(stdin) as { deviceID?: string };
      return `${env["CNI_COMMAND"]} ${env["CNI_IFNAME"]} ${deviceID ?? "nothing"}`;
    });
  }

  it("gives each network a device, asks the kubelet once and the API server for nothing, and shows what it knows of it", async () => {
    kubelet.allocations = { "default/web": [{ [SRIOV]: ["0000:01:10.1", "0000:01:10.0"] }] };
    expect(await cni("ADD", "abc")).toMatchObject({ status: 0 });
    expect(await told("abc")).toEqual(["ADD net1 0000:01:10.0", "ADD net2 0000:01:10.1"]);
    expect(askedSince()).toEqual(["get default/web"]);
    await api.until("the event", () => api.events().length === 1);
    expect(api.counts()).toEqual({ "patch pods/status": 1, "create events": 1 });
    const [, net1, net2] = networkStatus() as Record<string, unknown>[];
    expect(net1).toMatchObject({ interface: "net1", "device-info": NOTE });
    expect(net2).not.toHaveProperty("device-info");
    expect(await readdir(join(directory, "devinfo/cni"))).toEqual(["default-vf-abc_net1"]);
    const [first] = (await sriov.events()).map(({ stdin }) => JSON.parse(stdin) as Record<string, unknown>);
    expect(first).toMatchObject({
      runtimeConfig: { CNIDeviceInfoFile: join(directory, "devinfo/cni/default-vf-abc_net1") },
    });
    const record: unknown = JSON.parse(await readFile(join(directory, "state/sandboxes/abc.json"), "utf8"));
    const devices = ["0000:01:10.0", "0000:01:10.1"].map((id) => ({ device: { resource: SRIOV, id } }));
    expect(record).toMatchObject({ record: { attachments: [{}, ...devices] } });

    api.reset();
    expect(await cni("DEL", "abc")).toMatchObject({ status: 0 });
    expect((await told("abc")).slice(2)).toEqual(["DEL net2 0000:01:10.1", "DEL net1 0000:01:10.0"]);
    expect(await readdir(join(directory, "devinfo/cni"))).toEqual([]);
    expect([askedSince(), api.counts()]).toEqual([["get default/web"], {}]);
  });

  it("refuses a pod that has not enough before anything runs, and says what it has", async () => {
    kubelet.allocations = { "default/web": [{ [SRIOV]: ["0000:01:10.0"], "nvidia.com/gpu": ["g0"] }] };
    expect(await cni("ADD", "few")).toMatchObject({
      status: 1,
      json: {
        code: 107,
        msg: `[default/web/uid-web]: network "default/vf" needs a device of resource "${SRIOV}", and the pod has none left: set apart for it are 1 of ${SRIOV}, 1 of nvidia.com/gpu`,
      },
    });
    expect(await told("few")).toEqual([]);
  });

  it("deletes with the devices on record after a crash, whatever the kubelet says by then", async () => {
    kubelet.allocations = { "default/web": [{ [SRIOV]: ["0000:01:10.0", "0000:01:10.1"] }] };
    await cni("ADD", "crashed");
    daemon.kill("SIGKILL");
    await once(daemon, "exit");
    kubelet.allocations = {};
    await start();
    expect(await cni("DEL", "crashed")).toMatchObject({ status: 0 });
    expect((await told("crashed")).slice(2)).toEqual(["DEL net2 0000:01:10.1", "DEL net1 0000:01:10.0"]);
    expect(await readdir(join(directory, "devinfo/cni"))).toEqual([]);
  });

  it("finds devices that the pod has through a resource claim, with one request each for pod, claim and slices", async () => {
    const attributes = (deviceID: string) => ({
      "k8s.cni.cncf.io/deviceID": deviceID,
      "k8s.cni.cncf.io/resourceName": SRIOV,
    });
    api.put(web("vf,vf", { resourceClaimStatuses: [{ name: "nic", resourceClaimName: "web-nic" }] }));
    const results = ["a", "b"].map((device) => ({
      request: "nic",
      driver: "nics.example.com",
      pool: "node-a",
      device,
    }));
    api.put(claim("web-nic", results));
    api.put(slice({ name: "slice", devices: { a: attributes("0000:01:10.1"), b: attributes("0000:01:10.0") } }));
    expect(await cni("ADD", "claiming")).toMatchObject({ status: 0 });
    expect(await told("claiming")).toEqual(["ADD net1 0000:01:10.0", "ADD net2 0000:01:10.1"]);
    await api.until("the watch", () => api.watches().length === 3);
    expect(api.counts()).toMatchObject({
      "get pods": 1,
      "get resourceclaims": 1,
      "list resourceslices": 1,
      "watch resourceslices": 1,
      "patch pods/status": 1,
    });
  });

  it("runs plugins on parts of one card one at a time, for all sandboxes together", async () => {
    const sandboxes = ["a", "b", "c", "d"];
    const added = await Promise.all(sandboxes.map((id) => cni("ADD", id, "fixed")));
    expect(added.map(({ json }) => json["msg"] ?? "fine")).toEqual(["fine", "fine", "fine", "fine"]);
    const deleted = await Promise.all(sandboxes.map((id) => cni("DEL", id, "fixed")));
    expect(deleted.map(({ json }) => json["msg"] ?? "fine")).toEqual(["fine", "fine", "fine", "fine"]);
  });
});
