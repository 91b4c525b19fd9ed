import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { startCniServer, type CniHandler } from "../cni-server.ts";
import { random, type Random } from "./random.ts";
import { startRawPeer } from "./raw-peer.ts";
import { cniErrorOf, runPlexus, type Ended } from "./run-plexus.ts";

const env = {
  CNI_COMMAND: "DEL",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/var/run/netns/x",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "K8S_POD_NAME=é",
  CNI_PATH: "/opt/cni/bin",
};

interface Site {
  readonly socketPath: string;
  readonly spool: string;
  readonly stdin: string;
  readonly del: (more?: { env?: object; stdin?: string; limitMs?: number }) => Promise<Ended>;
}

async function site(): Promise<Site> {
  const directory = await temporaryDirectory();
  const spool = join(directory, "made", "on", "demand");
  const config = { cniVersion: "1.1.0", name: "n", daemonSocketDir: directory, daemonSpoolDir: spool };
  const stdin = JSON.stringify(config);
  return {
    socketPath: join(directory, "plexus.sock"),
    spool,
    stdin,
    del: (more = {}) => runPlexus({ stdin, ...more, env: { ...env, ...more.env } }),
  };
}

const succeeded = { status: 0, signal: null, stdout: Buffer.alloc(0), stderr: "" };

async function entryIn(spool: string, name = "c1@eth0.json"): Promise<Record<string, unknown>> {
  const bytes = await readFile(join(spool, name));
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as Record<string, unknown>;
}

describe("DEL without a daemon", () => {
  it("T079: succeeds and leaves the DEL to be done", async () => {
    const { spool, stdin, del } = await site();
    const before = Date.now();
    expect(await del({ env: { CNI_NETNS_OVERRIDE: "1" } })).toEqual(succeeded);
    const entry = await entryIn(spool);
    expect(entry).toEqual({
      version: 1,
      at: expect.any(Number),
      // The path is no namespace here, so there is none to keep.
      bootId: expect.any(String),
      netnsIdentity: "",
      netnsKept: false,
      containerId: "c1",
      ifName: "eth0",
      netns: "/var/run/netns/x",
      netnsOverride: "1",
      args: "K8S_POD_NAME=é",
      path: "/opt/cni/bin",
      conf: JSON.parse(stdin) as unknown,
    });
    expect(entry["at"]).toBeGreaterThanOrEqual(before);
    expect(entry["at"]).toBeLessThanOrEqual(Date.now());
    expect(await readdir(spool)).toEqual(["c1@eth0.json"]);
  });

  it("lets only root see what it leaves", async () => {
    const { spool, del } = await site();
    await del();
    const modes = await Promise.all([join(spool, ".."), spool, join(spool, "c1@eth0.json")].map((path) => stat(path)));
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(["700", "700", "600"]);
  });

  it("leaves one file per container and interface, with the latest DEL in it", async () => {
    const { spool, del } = await site();
    await del();
    await del({ env: { CNI_IFNAME: "eth1" } });
    await del({ env: { CNI_CONTAINERID: "c2" } });
    const { at } = await entryIn(spool);
    expect(await del({ env: { CNI_NETNS: "" } })).toEqual(succeeded);
    expect((await readdir(spool)).toSorted()).toEqual(["c1@eth0.json", "c1@eth1.json", "c2@eth0.json"]);
    expect(await entryIn(spool)).toMatchObject({ netns: "" });
    expect((await entryIn(spool))["at"]).toBeGreaterThan(at as number);
  });

  it("leaves all of many at once", async () => {
    const { spool, del } = await site();
    const ids = Array.from({ length: 20 }, (_, i) => `c${i}`);
    const ends = await Promise.all(ids.map((CNI_CONTAINERID) => del({ env: { CNI_CONTAINERID } })));
    expect(ends).toEqual(ids.map(() => succeeded));
    expect((await readdir(spool)).toSorted()).toEqual(ids.map((id) => `${id}@eth0.json`).toSorted());
  });

  it("leaves the longest names and 1 MiB of config, as it came", async () => {
    const { spool, stdin, del } = await site();
    const config = `${stdin.slice(0, -1)},"n": 12345678901234567890,\n "padding": "`;
    const padded = `${config}${"x".repeat(1024 * 1024 - config.length - 2)}"}`;
    const names = { CNI_CONTAINERID: "c".repeat(200), CNI_IFNAME: "ééééééé" };
    expect(await del({ env: names, stdin: padded })).toEqual(succeeded);
    const text = await readFile(join(spool, `${"c".repeat(200)}@ééééééé.json`), "utf8");
    expect(text.endsWith(`,"conf":${padded}}\n`)).toBe(true);
  });

  const seed = Date.now() % 1_000_000_000;
  const text = (rnd: Random): string => {
    const characters = [
      "a",
      "/",
      "=",
      ";",
      '"',
      "\\",
      "\u0001",
      "\n",
      "\t",
      "\u007f",
      "\u0085",
      "\u2028",
      "\ufeff",
      "é",
      "🚀",
    ];
    return Array.from({ length: rnd.below(30) }, () => rnd.pick(characters)).join("");
  };
  it(`gives any text back, from seed ${seed} on`, async () => {
    const { spool, del } = await site();
    for (let i = 0; i < 60; i++) {
      const rnd = random(seed + i);
      const [netns, args, path] = [text(rnd), text(rnd), `/${text(rnd)}`];
      expect(await del({ env: { CNI_NETNS: netns, CNI_ARGS: args, CNI_PATH: path } })).toEqual(succeeded);
      expect(await entryIn(spool), `seed ${seed + i}`).toMatchObject({ netns, args, path });
    }
  });

  it("leaves whole entries or none when it is killed", async () => {
    const { spool, stdin, del } = await site();
    const padded = `${stdin.slice(0, -1)},"padding":"${"x".repeat(900_000)}"}`;
    for (let limitMs = 1; limitMs <= 90; limitMs += 3) {
      await del({ env: { CNI_CONTAINERID: `c${limitMs}` }, stdin: padded, limitMs });
    }
    const entries = (await readdir(spool).catch(() => [])).filter((name) => !name.startsWith("."));
    for (const name of entries) expect(await entryIn(spool, name)).toMatchObject({ version: 1, ifName: "eth0" });
  });
});

describe("DEL with a daemon that does not take it", () => {
  it.each([
    { why: "left its socket behind", prepare: (path: string) => writeFile(path, "") },
    {
      why: "closes the connection unused",
      prepare: async (path: string) => {
        const peer = await startRawPeer(path, (socket) => socket.destroy());
        onTestFinished(() => peer.close());
      },
    },
    { why: "is stopping", prepare: (path: string) => daemonAt(path, () => Promise.reject(status(14))) },
  ])("is left to be done when it $why", async ({ prepare }) => {
    const { socketPath, spool, del } = await site();
    await prepare(socketPath);
    expect(await del()).toEqual(succeeded);
    expect(await readdir(spool)).toEqual(["c1@eth0.json"]);
  });

  it.each([
    { why: "may have begun", handle: () => Promise.reject(status(4)), code: 11 },
    { why: "could not do it", handle: async () => ({ error: { code: 11, msg: "m", details: "" } }), code: 11 },
    { why: "has a bug", handle: () => Promise.reject(status(13)), code: 999 },
  ])("fails and is not left when it $why", async ({ handle, code }) => {
    const { socketPath, spool, del } = await site();
    await daemonAt(socketPath, handle);
    expect(cniErrorOf(await del()).code).toBe(code);
    await expect(stat(spool)).rejects.toMatchObject({ code: "ENOENT" });
  });

  const status = (code: number) => Object.assign(new Error("why"), { code, details: "why" });

  async function daemonAt(path: string, handle: CniHandler): Promise<void> {
    const server = await startCniServer(path, handle);
    onTestFinished(() => server.close());
  }
});

describe("DEL that cannot be left", () => {
  const failure = {
    code: 11,
    details: expect.stringContaining("check that the plexus-daemon pod of this node is running"),
  };
  const leading = "DEL: the Plexus daemon is not running on this node, and the DEL cannot be left in";

  it("fails when a file is in the place of the directory", async () => {
    const { spool, del } = await site();
    await mkdir(join(spool, ".."), { recursive: true });
    await writeFile(spool, "");
    const error = cniErrorOf(await del());
    expect(error).toMatchObject(failure);
    expect(error.msg).toContain(`${leading} ${spool}: ENOTDIR: not a directory`);
  });

  it("fails when the directory cannot be made", async () => {
    const { spool, del } = await site();
    await writeFile(join(spool, "../.."), "");
    expect(cniErrorOf(await del()).msg).toContain(`${leading} ${spool}: ENOTDIR: not a directory`);
  });

  it("fails when the place is taken, and leaves nothing", async () => {
    const { spool, del } = await site();
    await mkdir(join(spool, "c1@eth0.json"), { recursive: true });
    expect(cniErrorOf(await del()).msg).toContain(`${leading} ${spool}: EISDIR`);
    expect(await readdir(spool)).toEqual(["c1@eth0.json"]);
  });

  it("fails when the spool is full, and not any more when it is not", async () => {
    const { spool, del } = await site();
    await mkdir(spool, { recursive: true });
    await Promise.all(Array.from({ length: 4096 }, (_, i) => writeFile(join(spool, `x${i}@eth0.json`), "")));
    expect(cniErrorOf(await del())).toMatchObject({
      ...failure,
      msg: `${leading} ${spool}: it is full with 4096 files; start the daemon, which works them off`,
    });
    await rm(join(spool, "x7@eth0.json"));
    expect(await del()).toEqual(succeeded);
  });
});
