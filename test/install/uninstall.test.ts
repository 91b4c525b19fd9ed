import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Places, type ServingDaemon, uninstall, uninstallWhenIdle } from "../../daemon/install/uninstall.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

const OURS = "/plexus.v1.Cni/";

interface Node {
  readonly places: Places;
  readonly said: string[];
  readonly say: (line: string) => void;
  /** Every file and directory, by its path on the node. */
  left(): Promise<readonly string[]>;
}

/** A node that Plexus is installed on, with these records and DELs that wait. */
async function makeNode(records: readonly string[] = [], spool: readonly string[] = []): Promise<Node> {
  const root = await temporaryDirectory();
  const at = (...parts: readonly string[]): string => join(root, ...parts);
  for (const directory of ["bin", "net.d", "run", "state/sandboxes", "state/spool"])
    await mkdir(at(directory), { recursive: true });
  for (const name of ["plexus", "multus-shim"]) await writeFile(at("bin", name), OURS);
  await writeFile(at("bin/multus-shim.before-plexus"), "multus");
  await writeFile(at("bin/bridge"), "bridge");
  for (const name of ["00-plexus.conf", "10-pods.conflist"]) await writeFile(at("net.d", name), "{}");
  for (const name of SOCKETS) await writeFile(at("run", name), "");
  for (const name of records) await writeFile(at("state/sandboxes", name), recordOf(name));
  for (const name of spool) await writeFile(at("state/spool", name), "{}");
  const said: string[] = [];
  return {
    places: {
      binDir: at("bin"),
      confFile: at("net.d/00-plexus.conf"),
      stateDir: at("state"),
      socketDir: at("run"),
    },
    said,
    say: (line) => said.push(line),
    left: async () => (await readdir(root, { recursive: true })).toSorted(),
  };
}

function recordOf(name: string): string {
  return JSON.stringify({ version: 4, record: { pod: { namespace: "default", name: `pod-of-${name[0] ?? ""}` } } });
}

const SOCKETS = ["plexus.sock", "plexus-operator.sock", "plexus-inspector.sock"];

const BEFORE = [
  ...["bin", "bin/bridge", "bin/multus-shim", "bin/multus-shim.before-plexus", "bin/plexus"],
  ...[
    "net.d",
    "net.d/00-plexus.conf",
    "net.d/10-pods.conflist",
    "run",
    ...SOCKETS.toSorted().map((name) => `run/${name}`),
  ],
  ...["state", "state/sandboxes", "state/spool"],
];
const AFTER = ["bin", "bin/bridge", "bin/multus-shim", "net.d", "net.d/10-pods.conflist"];

/** Listens in the place of a daemon until the test is over. */
async function listenIn(directory: string): Promise<void> {
  const path = join(directory, "plexus.sock");
  await rm(path, { force: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    server.close();
  });
}

describe("uninstall on a node without a daemon", () => {
  it("leaves nothing, and puts back what was there before", async () => {
    const node = await makeNode();
    expect(await node.left()).toEqual(BEFORE);
    await uninstall(node.places, false, node.say);
    expect(await node.left()).toEqual(AFTER);
    expect(node.said).toEqual([
      expect.stringContaining("00-plexus.conf removed"),
      expect.stringContaining("multus-shim is again what it was before"),
      expect.stringContaining("plexus removed"),
      "nothing of Plexus is left on this node",
    ]);
  });

  it("has nothing to do the second time", async () => {
    const node = await makeNode();
    await uninstall(node.places, false, node.say);
    await uninstall(node.places, false, node.say);
    expect(await node.left()).toEqual(AFTER);
  });

  it.each([
    { why: "a sandbox", records: ["a.json"], spool: [], says: "still attached: default/pod-of-a" },
    { why: "a DEL that waits", records: [], spool: ["a@eth0.json"], says: "still attached: DEL of sandbox a@eth0" },
    {
      why: "more than one wants to read of",
      records: ["a.json", "b.json", "c.json", "d.json", "e.json", "f.json", "g.json"],
      spool: [],
      says: "default/pod-of-d, default/pod-of-e and 2 more",
    },
  ])("refuses while there is $why, and touches nothing", async ({ records, spool, says }) => {
    const node = await makeNode(records, spool);
    const before = await node.left();
    await expect(uninstall(node.places, false, node.say)).rejects.toThrow(says);
    expect(await node.left()).toEqual(before);
  });

  it("counts a record that cannot be read", async () => {
    const node = await makeNode();
    await writeFile(join(node.places.stateDir, "sandboxes/a.json"), "{");
    await expect(uninstall(node.places, false, node.say)).rejects.toThrow("still attached: sandbox a");
  });

  it("does not take a state directory that it cannot read for an empty one", async () => {
    const node = await makeNode();
    await rm(join(node.places.stateDir, "spool"), { recursive: true });
    await writeFile(join(node.places.stateDir, "spool"), "");
    await expect(uninstall(node.places, false, node.say)).rejects.toThrow("ENOTDIR");
    expect(await node.left()).toEqual(BEFORE);
  });

  it("is none of its business what is no record and no DEL", async () => {
    const node = await makeNode(["a.network-status.json"], [".half-written", "a@eth0.json.bad"]);
    await uninstall(node.places, false, node.say);
    expect(await node.left()).not.toContain("bin/plexus");
  });

  it("by force leaves records, and the executable for runtimes that delete with it", async () => {
    const node = await makeNode(["a.json"]);
    await uninstall(node.places, true, node.say);
    expect(await node.left()).toEqual(
      [...AFTER, "bin/plexus", "state", "state/sandboxes", "state/sandboxes/a.json", "state/spool"].toSorted(),
    );
    expect(node.said).toContain("left behind: default/pod-of-a");
  });

  it("leaves what others keep in the state directory, and says so", async () => {
    const node = await makeNode();
    const theirs = join(node.places.stateDir, "networks");
    await mkdir(theirs);
    await writeFile(join(theirs, "10.0.0.2"), "abc");
    await uninstall(node.places, false, node.say);
    expect(await node.left()).toEqual([...AFTER, "state", "state/networks", "state/networks/10.0.0.2"].toSorted());
    expect(node.said.at(-1)).toContain("stays: networks");
  });

  it("keeps damaged records, and says so", async () => {
    const node = await makeNode(["a.json.bad-1"]);
    await uninstall(node.places, false, node.say);
    expect(await node.left()).toContain("state/sandboxes/a.json.bad-1");
    expect(node.said.at(-1)).toContain("a.json.bad-1 could not be read");
  });

  it.each([false, true])("refuses while a daemon serves (by force: %s), and touches nothing", async (force) => {
    const node = await makeNode();
    await listenIn(node.places.socketDir);
    await expect(uninstall(node.places, force, node.say)).rejects.toThrow("plexus-daemon is running on this node");
    expect(await node.left()).toEqual(BEFORE);
  });
});

describe("uninstall on a node that goes on working", () => {
  /** A daemon that notes what it was asked; `end` has it end by itself. */
  function fakeDaemon(): { readonly events: string[]; serve(): Promise<ServingDaemon>; end(): void } {
    const events: string[] = [];
    const { promise: ended, reject } = Promise.withResolvers<never>();
    ended.catch(() => undefined);
    return {
      events,
      async serve() {
        events.push("serves");
        return {
          ended,
          async stop() {
            events.push("stopped");
          },
        };
      },
      end: () => reject(new Error("the daemon ended by itself")),
    };
  }

  it("takes the conf away once a daemon serves, and the rest when nothing is attached any more", async () => {
    const node = await makeNode(["a.json", "b.json"], ["c@eth0.json"]);
    const daemon = fakeDaemon();
    const finished = uninstallWhenIdle(node.places, daemon.serve, node.say, new AbortController().signal, 10);
    await expect
      .poll(() => node.said)
      .toContain("still attached: default/pod-of-a, default/pod-of-b, DEL of sandbox c@eth0");
    expect(await node.left()).toEqual(expect.not.arrayContaining(["net.d/00-plexus.conf"]));
    expect(await node.left()).toEqual(expect.arrayContaining(["bin/plexus", "run/plexus.sock"]));
    for (const name of ["sandboxes/a.json", "sandboxes/b.json", "spool/c@eth0.json"])
      await rm(join(node.places.stateDir, name));
    await finished;
    expect(daemon.events).toEqual(["serves", "stopped"]);
    expect(await node.left()).toEqual(AFTER);
    expect(node.said.at(-1)).toBe("nothing of Plexus is left on this node");
  });

  it("leaves the conf where no daemon can be started", async () => {
    const node = await makeNode();
    const serve = async (): Promise<ServingDaemon> => Promise.reject(new Error("another daemon does not end"));
    const finished = uninstallWhenIdle(node.places, serve, node.say, new AbortController().signal, 10);
    await expect(finished).rejects.toThrow("another daemon does not end");
    expect(await node.left()).toEqual(BEFORE);
  });

  it("fails when the daemon ends by itself", async () => {
    const node = await makeNode(["a.json"]);
    const daemon = fakeDaemon();
    const finished = uninstallWhenIdle(node.places, daemon.serve, node.say, new AbortController().signal, 10);
    await expect.poll(() => node.said).toContain("still attached: default/pod-of-a");
    daemon.end();
    await expect(finished).rejects.toThrow("the daemon ended by itself");
    expect(await node.left()).toContain("bin/plexus");
  });

  it("stops the daemon when told to stop, and leaves the executable", async () => {
    const node = await makeNode(["a.json"]);
    const daemon = fakeDaemon();
    const stopping = new AbortController();
    const finished = uninstallWhenIdle(node.places, daemon.serve, node.say, stopping.signal, 10);
    await expect.poll(() => node.said).toContain("still attached: default/pod-of-a");
    stopping.abort(new Error("told to stop"));
    await expect(finished).rejects.toThrow("told to stop");
    expect(daemon.events).toEqual(["serves", "stopped"]);
    expect(await node.left()).toContain("bin/plexus");
  });
});
