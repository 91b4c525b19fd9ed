/**
 * The shipped daemon and executable against an API server, with plugins that do nothing but answer: what the cluster sees of an ADD,
 * and what becomes of one when the API server is away.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ANSWERS, type PlainAnswer } from "../../api-server/faults.ts";
import { nad, pod, type Sample } from "../../api-server/samples.ts";
import { type ApiServer, startApiServer } from "../../api-server/start-api-server.ts";
import { deployedRules } from "../../deploy/rbac.ts";
import { installScripted } from "../../plugins/scripted.ts";
import { here } from "../host.ts";
import { podArgs } from "../plexus.ts";

const NETNS = `plexus-cluster-${process.pid}`;
const STATUS = "k8s.v1.cni.cncf.io/network-status";

const RESULT = `printf '{"cniVersion":"1.0.0","interfaces":[{"name":"%s","sandbox":"%s"}],"ips":[{"address":"10.0.0.2/24","interface":0}]}' "$CNI_IFNAME" "$CNI_NETNS"`;

const web = pod({
  name: "web",
  uid: "uid-web",
  annotations: { "k8s.v1.cni.cncf.io/networks": "blue,blue,blue,blue" },
});

const plain = (code: number, reason: string): PlainAnswer => ({
  code,
  contentType: "application/json",
  body: JSON.stringify({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", reason, code }),
});

interface Answer {
  readonly status: number | null;
  readonly json: Readonly<Record<string, unknown>>;
}

describe.skipIf(process.getuid?.() !== 0)("in a cluster", () => {
  let directory: string;
  let api: ApiServer;
  let daemon: ChildProcess | undefined;
  let log: Readonly<Record<string, unknown>>[];

  beforeAll(() => {
    execFileSync("ip", ["netns", "add", NETNS]);
  });
  afterAll(() => {
    execFileSync("ip", ["netns", "del", NETNS]);
  });

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "plexus-cluster-"));
    await mkdir(join(directory, "bin"));
    for (const type of ["first", "second"]) {
      const plugin = await installScripted(join(directory, "bin"), type);
      await plugin.on("ADD", RESULT);
    }
    api = await startApiServer({ rules: await deployedRules() });
    api.put(web);
    api.put(nad({ name: "blue", config: '{"cniVersion":"1.0.0","type":"second"}' }));
    log = [];
  });

  afterEach(async () => {
    daemon?.kill("SIGKILL");
    await api.stop();
    await rm(directory, { recursive: true });
  });

  async function start(settings: object = {}): Promise<void> {
    const config = {
      socketDir: join(directory, "run"),
      stateDir: join(directory, "state"),
      binDir: join(directory, "bin"),
      nodeName: "node-a",
      kubeconfig: api.kubeconfig,
      podWaitMs: 500,
      ...settings,
    };
    const file = join(directory, "daemon.json");
    await writeFile(file, JSON.stringify(config));
    const child = spawn(here("dist/plexus-daemon"), ["--config", file], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE: process.execPath },
    });
    daemon = child;
    const both = Promise.withResolvers<undefined>();
    createInterface({ input: child.stdout }).on("line", (line) => {
      log.push(JSON.parse(line) as Record<string, unknown>);
      if (["following the API server", "ready"].every((message) => log.some(({ msg }) => msg === message)))
        both.resolve(undefined);
    });
    child.once("exit", (code) => {
      both.reject(new Error(`the daemon ended with ${String(code)}`));
    });
    await both.promise;
    await api.until("both watches", () => api.watches().length === 2);
    api.reset();
  }

  async function cni(verb: string, { name = "web", uid = "uid-web", containerId = "abc" } = {}): Promise<Answer> {
    const conf = {
      cniVersion: "1.1.0",
      name: "plexus",
      type: "plexus",
      daemonSocketDir: join(directory, "run"),
      delegates: [{ cniVersion: "1.0.0", name: "pods", type: "first" }],
    };
    const env = {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: containerId,
      CNI_NETNS: `/run/netns/${NETNS}`,
      CNI_IFNAME: "eth0",
      CNI_PATH: "/nowhere",
      CNI_ARGS: podArgs(name, "default", uid),
    };
    const child = spawn(here("dist/plexus"), { env, stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end(JSON.stringify(conf));
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    const [status] = (await once(child, "close")) as [number | null];
    return { status, json: printed === "" ? {} : (JSON.parse(printed) as Record<string, unknown>) };
  }

  const annotation = (object: Sample): unknown =>
    (api.get(object)?.metadata as { annotations?: Record<string, string> } | undefined)?.annotations?.[STATUS];

  it("an ADD of five networks costs the API server one PATCH and one event, and reads nothing; a DEL costs nothing", async () => {
    await start();
    expect(await cni("ADD")).toMatchObject({ status: 0, json: { cniVersion: "1.1.0" } });
    await api.until("the event", () => api.events().length === 1);
    expect(api.counts()).toEqual({ "patch pods/status": 1, "create events": 1 });
    expect(JSON.parse(String(annotation(web)))).toMatchObject([
      { name: "pods", interface: "eth0", default: true },
      ...["net1", "net2", "net3", "net4"].map((ifName) => ({ name: "default/blue", interface: ifName })),
    ]);
    api.reset();
    expect(await cni("DEL")).toMatchObject({ status: 0 });
    expect(api.counts()).toEqual({});
  });

  it("a pod that is gone by the time its status is written needs none (T036)", async () => {
    await start();
    api.fail({ verb: "patch", resource: "pods/status" }, { does: "answer", answer: plain(404, "NotFound") });
    expect(await cni("ADD")).toMatchObject({ status: 0 });
  });

  it("a status that meets a conflict and a 429 is written all the same (T238)", async () => {
    await start();
    api.fail({ verb: "patch", resource: "pods/status" }, { does: "answer", answer: plain(409, "Conflict") });
    api.fail({ verb: "patch", resource: "pods/status" }, { does: "answer", answer: ANSWERS.tooMany(0) });
    expect(await cni("ADD")).toMatchObject({ status: 0 });
    expect(annotation(web)).toBeTypeOf("string");
  });

  it("a status that cannot be written in time fails the ADD, and nothing is left (T034)", async () => {
    await start({ statusWaitMs: 300 });
    api.fail({ verb: "patch", resource: "pods/status" }, { does: "answer", answer: ANSWERS.internalError }, 1_000);
    expect(await cni("ADD")).toMatchObject({ status: 1, json: { code: 11 } });
    api.heal();
    expect(await cni("ADD")).toMatchObject({ status: 0 });
  });

  it("with the API server down an ADD succeeds from memory, and its status is written when the server is back", async () => {
    await start({ statusMode: "queue", statusWaitMs: 300 });
    await api.down();
    expect(await cni("ADD")).toMatchObject({ status: 0 });
    await api.up();
    await api.until("the status", () => typeof annotation(web) === "string");
  });

  it("a pod that was deleted before its sandbox is detached all the same (T070)", async () => {
    await start();
    await cni("ADD");
    api.remove(web);
    expect(await cni("DEL")).toMatchObject({ status: 0, json: {} });
    expect(await cni("CHECK")).toMatchObject({ status: 1, json: { code: 3 } });
  });

  it("a pod that the watch has not told of yet is asked for once (T058)", async () => {
    await start();
    api.disturb("silent");
    api.put(pod({ name: "late", uid: "uid-late" }));
    expect(await cni("ADD", { name: "late", uid: "uid-late" })).toMatchObject({ status: 0 });
    expect(api.counts()["get pods"]).toBe(1);
  });

  it("a pod that was replaced by its namesake is refused (T052)", async () => {
    await start();
    expect(await cni("ADD", { uid: "uid-before" })).toMatchObject({ status: 1, json: { code: 102 } });
  });

  it("a static pod, whose mirror has another UID, is attached, and the mirror shows it (T054, T061)", async () => {
    const mirror = pod({
      name: "static",
      uid: "uid-mirror",
      annotations: { "kubernetes.io/config.source": "file", "k8s.v1.cni.cncf.io/networks": "blue" },
    });
    api.put(mirror);
    await start();
    expect(await cni("ADD", { name: "static", uid: "uid-file" })).toMatchObject({ status: 0 });
    expect(annotation(mirror)).toBeTypeOf("string");
    expect(log.findLast(({ op }) => op === "ADD")).toMatchObject({ plugins: [{ ifName: "eth0" }, { ifName: "net1" }] });
  });

  it("STATUS says that all is well", async () => {
    await start();
    expect(await cni("STATUS")).toMatchObject({ status: 0, json: {} });
  });

  it("without a node name it does not start, and says why", async () => {
    const file = join(directory, "daemon.json");
    await writeFile(file, JSON.stringify({ kubeconfig: api.kubeconfig, stateDir: join(directory, "state") }));
    const child = spawn(here("dist/plexus-daemon"), ["--config", file], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { PATH: process.env["PATH"], NODE: process.execPath },
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const [status] = (await once(child, "close")) as [number | null];
    expect(status).toBe(1);
    expect(said).toMatch(/^plexus-daemon: the name of this node is not known/);
  });
});
