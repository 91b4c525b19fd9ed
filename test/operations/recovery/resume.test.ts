import { describe, expect, it } from "vitest";
import type { BootId, NetnsIdentity, NetnsPath } from "../../../daemon/domain/ids.ts";
import { keepResuming, type ResumeReport } from "../../../daemon/operations/recovery/resume.ts";
import { manualClock } from "../../fakes/manual-clock.ts";
import { fails } from "../../fakes/scripted-plugin-runner.ts";
import {
  addRequest,
  BRIDGE,
  delRequest,
  obedient,
  POD_ARGS,
  said,
  sandbox,
  stage,
  type StageOptions,
} from "../stage.ts";

const MACVLAN = '{"cniVersion":"1.0.0","type":"macvlan"}';

/** A node where one sandbox is attached to two networks, and then all that ran is forgotten. */
async function attached(options: StageOptions = {}) {
  const node = stage({ annotation: "blue", nads: { blue: MACVLAN }, ...options });
  await node.add(addRequest(), node.scope());
  return {
    ...node,
    saidSince: () => node.said().slice(2),
    /** As a crash would have left it. */
    async leave(state: "intended" | "detaching"): Promise<void> {
      const record = (await node.journal.read(sandbox)) ?? expect.fail("nothing on record");
      const attachments = record.attachments.map((attachment) => ({ ...attachment, state }));
      await node.journal.write({ ...record, attachments });
    },
  };
}

const spooled = (parts: object = {}) => ({
  id: "abc@eth0",
  at: 1_000,
  containerId: "abc",
  ifName: "eth0",
  netns: "/run/netns/pod",
  netnsOverride: "",
  args: POD_ARGS,
  path: "/opt/cni/bin",
  conf: `{"cniVersion":"1.0.0","name":"plexus","delegates":[${BRIDGE}]}`,
  ...parts,
});

describe("a round", () => {
  it("leaves alone what stands", async () => {
    const node = await attached();
    expect(await node.resume(node.scope())).toEqual({ finished: 0, pending: 0 });
    expect(node.saidSince()).toEqual([]);
  });

  it.each(["intended", "detaching"] as const)("takes away what a crash left %s", async (state) => {
    const node = await attached();
    await node.leave(state);
    expect(await node.resume(node.scope())).toEqual({ finished: 1, pending: 0 });
    expect(node.saidSince()).toEqual(["DEL net1 macvlan", "DEL eth0 bridge"]);
    expect(await node.journal.list()).toEqual([]);
    expect(node.statusBoard.shown(sandbox)).toBeUndefined();
  });

  it("goes over more sandboxes than operations may be under way, and takes no room from those", async () => {
    const node = stage({ maxOperations: 1 });
    for (const name of ["aaa", "bbb", "ccc"])
      await node.add(addRequest({ sandbox: name as typeof sandbox }), node.scope());
    node.spool.put(spooled({ id: "ccc@eth0", containerId: "ccc" }));
    const round = node.resume(node.scope());
    await node.add(addRequest(), node.scope());
    expect([await round, node.warnings]).toEqual([{ finished: 1, pending: 0 }, []]);
    expect(await node.journal.list()).toEqual(["aaa", "abc", "bbb"]);
  });

  it("keeps what it cannot take away, and says so", async () => {
    const node = await attached({
      script: (run) => (said(run) === "DEL eth0 bridge" ? fails('{"code":11,"msg":"busy"}') : obedient(run)),
    });
    await node.leave("intended");
    expect(await node.resume(node.scope())).toEqual({ finished: 0, pending: 1 });
    expect((await node.journal.read(sandbox))?.attachments.map(({ ifName }) => ifName)).toEqual(["eth0"]);
    expect(node.warnings).toEqual([expect.stringContaining("busy")]);
  });

  it("leaves a sandbox whose record is damaged to its DEL, and sees to the others", async () => {
    const node = await attached();
    await node.leave("intended");
    const other = { ...addRequest(), sandbox: "zzz" as typeof sandbox };
    await node.add(other, node.scope());
    node.journal.spoil(other.sandbox);
    expect(await node.resume(node.scope())).toEqual({ finished: 1, pending: 0 });
    expect(await node.journal.list()).toEqual([]);
    expect(await node.journal.damaged()).toEqual(["zzz"]);
  });

  it.each([
    { why: "the namespace is gone and so is the pod", view: "netns-gone", pod: "gone", want: 1 },
    { why: "the namespace is gone and the pod is a namesake", view: "netns-gone", pod: "replaced", want: 1 },
    { why: "the namespace is gone, the pod is not", view: "netns-gone", pod: "there", want: 0 },
    { why: "the pod is gone, the namespace is not", view: "taken", pod: "gone", want: 0 },
  ] as const)("of a sandbox that stands, if $why: $want taken away", async ({ view, pod, want }) => {
    const views: Record<string, "free" | typeof view> = {};
    const node = await attached({ views });
    views["eth0"] = view;
    node.podBecomes(pod);
    expect(await node.resume(node.scope())).toEqual({ finished: want, pending: 0 });
    const deleted = node.runner.runs.slice(2).map((run) => run.env["CNI_NETNS"]);
    expect(deleted).toEqual(Array.from({ length: want * 2 }, () => "/run/netns/pod"));
  });

  it.each([
    { why: "is passed on while it is there", netns: "/run/netns/pod", view: "taken", want: "/run/netns/pod" },
    { why: "is empty when it leads elsewhere by now", netns: "/run/netns/pod", view: "host-netns", want: "" },
    {
      why: "is passed on by the number of a process too, for its identity is on record",
      netns: "/proc/42/ns/net",
      view: "taken",
      want: "/proc/42/ns/net",
    },
  ] as const)("the namespace $why", async ({ netns, view, want }) => {
    const views: Record<string, "free" | typeof view> = {};
    const node = stage({ views });
    await node.add(addRequest({ netns: netns as typeof delRequest.netns }), node.scope());
    const record = (await node.journal.read(sandbox)) ?? expect.fail("nothing on record");
    await node.journal.write({
      ...record,
      attachments: record.attachments.map((attachment) => ({ ...attachment, state: "intended" })),
    });
    views["eth0"] = view;
    await node.resume(node.scope());
    expect(node.runner.runs.at(-1)?.env).toMatchObject({ CNI_COMMAND: "DEL", CNI_NETNS: want });
  });
});

describe("a DEL that waited in the spool", () => {
  it("is done and forgotten", async () => {
    const node = await attached();
    node.spool.put(spooled());
    expect(await node.resume(node.scope())).toMatchObject({ pending: 0 });
    expect(node.saidSince()).toEqual(["DEL net1 macvlan", "DEL eth0 bridge"]);
    expect(await node.spool.entries()).toEqual([]);
  });

  it("stays pending while it fails", async () => {
    const node = await attached({
      script: (run) => (said(run).startsWith("DEL") ? fails('{"code":11,"msg":"busy"}') : obedient(run)),
    });
    node.spool.put(spooled());
    expect(await node.resume(node.scope())).toMatchObject({ pending: 2 });
    expect(await node.spool.entries()).toHaveLength(1);
  });

  it("is done although its sandbox was given another interface since", async () => {
    const node = stage();
    const eth1 = "eth1" as typeof delRequest.ifName;
    await node.add(addRequest({ ifName: eth1 }), node.scope());
    node.clock.advance(2_000);
    await node.add(addRequest(), node.scope());
    node.spool.put(spooled({ id: "abc@eth1", ifName: "eth1", at: 1_000 }));
    await node.resume(node.scope());
    expect(node.said().slice(2)).toEqual(["DEL eth1 bridge"]);
  });

  it.each([
    { why: "as it was", by: 1 },
    { why: "an hour ahead", by: 3_600_000 },
    { why: "an hour back", by: -3_600_000 },
  ])(
    "takes away what was attached before, and an ADD that comes first is left alone, with the clock $why",
    async ({ by }) => {
      const node = stage();
      node.clock.advance(7_200_000);
      await node.add(addRequest(), node.scope());
      node.clock.set(by);
      node.spool.put(spooled({ at: node.clock.now() }));
      node.clock.set(by);
      await node.add(addRequest(), node.scope());
      await node.resume(node.scope());
      expect(node.said()).toEqual(["ADD eth0 bridge", "DEL eth0 bridge", "ADD eth0 bridge"]);
      expect(await node.spool.entries()).toEqual([]);
      node.clock.set(by);
      node.spool.put(spooled({ at: node.clock.now() }));
      node.clock.set(-by);
      await node.resume(node.scope());
      expect(await node.journal.list()).toEqual([]);
    },
  );

  it("is told of no namespace by the number of a process, which may be another's by now", async () => {
    const node = await attached();
    node.spool.put(spooled({ netns: "/proc/42/ns/net" }));
    await node.resume(node.scope());
    expect(node.runner.runs.slice(2).map(({ env }) => env["CNI_NETNS"])).toEqual(["", ""]);
  });

  it("gives plugins the namespace that the shim kept", async () => {
    const node = await attached();
    const keptAt = "/run/netns/pod" as NetnsPath;
    const spooledNetns = { identity: "4:17" as NetnsIdentity, bootId: "b" as BootId, keptAt };
    node.spool.put(spooled({ netns: "/proc/42/ns/net", spooledNetns }));
    await node.resume(node.scope());
    expect(node.runner.runs.slice(2).map(({ env }) => env["CNI_NETNS"])).toEqual([keptAt, keptAt]);
  });

  it("does not make an ADD say that there is no such container, whatever its plugins say", async () => {
    const node = await attached({
      script: (run) => (said(run).startsWith("DEL") ? fails('{"code":3,"msg":"who?"}') : obedient(run)),
    });
    node.spool.put(spooled());
    await expect(node.add(addRequest(), node.scope())).rejects.toMatchObject({ kind: "delegate-failed" });
  });

  it("that fails is as good as an ADD that fails, and stays owed", async () => {
    const node = await attached({
      script: (run) => (said(run).startsWith("DEL") ? fails('{"code":11,"msg":"busy"}') : obedient(run)),
    });
    node.spool.put(spooled());
    await expect(node.add(addRequest(), node.scope())).rejects.toMatchObject({
      code: 11,
      message: expect.stringContaining("the DEL that waited for this sandbox could not be done: "),
    });
    expect(await node.spool.entries()).toHaveLength(1);
  });

  it("that an ADD has done since it was read is not done again", async () => {
    const node = await attached();
    node.spool.put(spooled());
    const round = node.resume(node.scope());
    await Promise.all([node.add(addRequest(), node.scope()), round]);
    expect((await node.journal.read(sandbox))?.attachments.map(({ state }) => state)).toEqual(["attached", "attached"]);
  });
});

describe("what is owed", () => {
  it("is known with its age, its attempts and what stands in the way, and forgotten when it is paid", async () => {
    let busy = true;
    const node = await attached({
      script: (run) => (busy && said(run) === "DEL eth0 bridge" ? fails('{"code":11,"msg":"busy"}') : obedient(run)),
    });
    await node.leave("detaching");
    node.spool.put(spooled());
    node.clock.advance(500);
    await node.resume(node.scope());
    node.clock.advance(500);
    await node.resume(node.scope());
    const lastError = expect.stringContaining("busy");
    expect([node.backlog.list(), node.backlog.rounds()]).toMatchObject([
      [
        { containerId: "abc", ifName: "eth0", kept: "spool", attempts: 2, lastError },
        { containerId: "abc", ifName: "eth0", kept: "record", network: "pods", since: 500, lastError },
      ],
      2,
    ]);
    busy = false;
    node.clock.advance(10_000);
    await node.resume(node.scope());
    expect([node.backlog.list(), node.backlog.rounds()]).toEqual([[], 3]);
  });

  it("is forgotten when somebody else pays it", async () => {
    const node = await attached();
    await node.leave("intended");
    node.spool.put({ ...spooled(), containerId: "gone" });
    const [entry] = await node.spool.entries();
    node.backlog.spooledDelFailed(entry ?? expect.fail("no entry"), "busy");
    await node.del(delRequest, node.scope());
    await node.resume(node.scope());
    await node.resume(node.scope());
    expect(node.backlog.list()).toEqual([]);
  });
});

/** Waits for nothing else. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}

describe("rounds", () => {
  it("come at once, with growing pauses while something is pending, and now and then when nothing is", async () => {
    const clock = manualClock();
    const stopping = new AbortController();
    const reports: ResumeReport[] = [
      { finished: 0, pending: 1 },
      { finished: 0, pending: 1 },
      { finished: 1, pending: 0 },
      { finished: 0, pending: 1 },
    ];
    const round = (): Promise<ResumeReport> => {
      const report = reports.shift();
      if (report === undefined) stopping.abort();
      return Promise.resolve(report ?? { finished: 0, pending: 0 });
    };
    await keepResuming(round, clock, aborted, stopping.signal);
    expect(clock.slept).toEqual([10_000, 20_000, 300_000, 10_000, 300_000]);
  });

  it("come when woken", async () => {
    const stopping = new AbortController();
    let rounds = 0;
    const round = (): Promise<ResumeReport> => {
      rounds += 1;
      return Promise.resolve({ finished: 0, pending: 0 });
    };
    const wakes = [() => Promise.resolve(), () => Promise.resolve(), aborted];
    const awaitWake = (signal: AbortSignal): Promise<void> => {
      const wait = wakes.shift() ?? expect.fail("nobody is to wait any more");
      queueMicrotask(() => {
        if (wakes.length === 0) stopping.abort();
      });
      return wait(signal);
    };
    const clock = { ...manualClock(), sleep: (_ms: number, signal: AbortSignal) => aborted(signal) };
    await keepResuming(round, clock, awaitWake, stopping.signal);
    expect(rounds).toBe(3);
  });
});
