import { describe, expect, it } from "vitest";
import { PlexusError } from "../../../daemon/domain/errors.ts";
import {
  canRunPlugins,
  type LauncherView,
  makeReadiness,
  makeStatusGate,
  noProblem,
} from "../../../daemon/operations/observability/readiness.ts";
import { watchJournal } from "../../../daemon/operations/observability/watched-journal.ts";
import { NO_METERS } from "../../../daemon/ports/meters.ts";
import { manualClock } from "../../fakes/manual-clock.ts";
import { memoryJournal } from "../../fakes/memory-journal.ts";
import { addRequest, netConf, sandbox, stage } from "../stage.ts";

const holds = (): undefined => undefined;
const fails = (what: string) => noProblem(() => what, `mend ${what}`);
const told = (obstacles: readonly { condition: string; why: PlexusError }[]): readonly string[] =>
  obstacles.map(({ condition, why }) => `${condition}: ${why.message} (${why.details ?? ""})`);

describe("readiness", () => {
  it("names every obstacle, in the order of the conditions, with what to do", async () => {
    const readiness = makeReadiness({ a: fails("one"), b: holds, c: fails("two") }, { d: fails("three") });
    expect(told(await readiness.obstacles())).toEqual([
      "a: one (mend one)",
      "c: two (mend two)",
      "d: three (mend three)",
    ]);
    expect(readiness.conditions).toEqual(["a", "b", "c", "d"]);
  });

  it("refuses as not available, whatever the obstacle was", async () => {
    const readiness = makeReadiness({
      disk: () => {
        throw new PlexusError("io-failure", "disk full", { details: "make room" });
      },
    });
    await expect(readiness.refuseUnlessAble()).rejects.toMatchObject({
      kind: "not-available",
      code: 50,
      message: "disk full",
      details: "make room",
    });
  });

  it("has STATUS asked again while one daemon takes another's place, and only then", async () => {
    const readiness = makeReadiness({ a: fails("stopping") });
    const gate = (isChangingOver: boolean) => makeStatusGate(readiness, () => isChangingOver)();
    await expect(gate(true)).rejects.toMatchObject({ kind: "try-again-later", message: "stopping" });
    await expect(gate(false)).rejects.toMatchObject({ kind: "not-available", message: "stopping" });
    await expect(makeStatusGate(makeReadiness({ a: holds }), () => true)()).resolves.toBeUndefined();
  });

  it("refuses nothing that only keeps the runtime from calling", async () => {
    const readiness = makeReadiness({ a: holds }, { conf: fails("another conf comes first") });
    await expect(readiness.refuseUnlessAble()).resolves.toBeUndefined();
    expect(await readiness.obstacles()).toHaveLength(1);
  });

  it("is what STATUS says first", async () => {
    const node = stage({ unsynced: new PlexusError("not-available", "the pods are not known yet") });
    const request = { netConf: netConf('{"cniVersion":"1.1.0","name":"pods","type":"bridge"}'), searchPath: [] };
    await expect(node.status(request, node.scope())).rejects.toMatchObject({ code: 50 });
    expect(node.said()).toEqual([]);
  });
});

describe("whether plugins can be run", () => {
  const down = (forMs: number): LauncherView => ({ launcher: { up: false, why: "no such file", forMs } });
  it.each([
    { why: "while something runs them", view: { launcher: { up: true } } as const, ok: true },
    { why: "while the next one is about to", view: down(5_000), ok: true },
    { why: "not when none has for too long", view: down(5_001), ok: false },
  ])("$why", ({ view, ok }) => {
    const condition = canRunPlugins(() => view, 5_000);
    expect(ok).toBe(outcome(condition) === undefined);
  });

  function outcome(condition: () => unknown): unknown {
    try {
      return condition();
    } catch (thrown) {
      return thrown;
    }
  }
});

describe("whether records can be written", () => {
  function watched() {
    const journal = memoryJournal();
    let trials = 0;
    let refuses = false;
    const written: boolean[] = [];
    const watch = watchJournal(journal, {
      clock: manualClock(),
      meters: { ...NO_METERS, wroteRecord: (_ms, ok) => void written.push(ok) },
      tryWriting: async () => {
        trials++;
        if (refuses) throw new PlexusError("io-failure", "no space");
      },
    });
    const disk = (becomes: "full" | "well"): void => {
      refuses = becomes === "full";
      journal.refuse(refuses ? new PlexusError("io-failure", "no space") : undefined);
    };
    return { ...watch, disk, written, trials: () => trials };
  }

  it("is tried once before anything was written, and not again", async () => {
    const node = watched();
    await node.writable();
    await node.writable();
    expect(node.trials()).toBe(1);
  });

  it("is told by every write, and tried again until it can be", async () => {
    const node = watched();
    await node.writable();
    node.disk("full");
    await expect(node.journal.remove(sandbox)).rejects.toThrow("no space");
    await expect(node.writable()).rejects.toThrow("nothing can be put on record: no space");
    node.disk("well");
    await expect(node.writable()).resolves.toBeUndefined();
    expect(node.written).toEqual([false]);
  });

  it("needs no trial where ADDs write", async () => {
    const node = watched();
    const staged = stage();
    await staged.add(addRequest(), staged.scope());
    await node.journal.write((await staged.journal.read(sandbox)) ?? expect.fail("no record"));
    await node.writable();
    expect(node.trials()).toBe(0);
  });
});
