/** kill -9 at every step of ADD and DEL: whatever was half done is finished, and nothing is left of it on the host. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type CrashSite, type Killed, makeCrashSite, type PodName, type Verb } from "./crash-site.ts";
import { BEGUN_DEL, FINISHED_ADD, ofPlugins, type Step, tried, UNBEGUN_DEL, UNFINISHED_ADD } from "./steps.ts";

const ADD = [...UNFINISHED_ADD, ...FINISHED_ADD];
const DEL = [...UNBEGUN_DEL, ...BEGUN_DEL];

describe.skipIf(process.getuid?.() !== 0)("a crash", () => {
  let site: CrashSite;
  /** The host with bridges and the chains that all pods share, before any of the victim. */
  let before: string;

  beforeAll(async () => {
    site = await makeCrashSite();
    await site.plexus.start();
    await site.makePod("neighbour");
    await site.attach("neighbour");
    await site.detach("neighbour");
  });
  afterAll(() => site.stop());
  beforeEach(async () => {
    await site.makePod("victim");
    before = await site.state();
  });
  afterEach(() => site.removePod("victim"));

  /** Another pod comes while something of the victim may be left. */
  async function aNeighbourMovesIn(): Promise<void> {
    await site.attach("neighbour");
    const taken = await site.addresses("victim");
    const its = await site.addresses("neighbour");
    expect(its.filter((address) => taken.includes(address))).toEqual([]);
  }

  /** The other pod has kept what is its own; of the victim there is nothing. */
  async function onlyTheNeighbourIsLeft(): Promise<void> {
    expect(await site.leaseholders("neighbour")).toEqual(["neighbour-1", "neighbour-1"]);
    await site.reachGateways("neighbour");
    await site.detach("neighbour");
    expect(await site.survivors()).toBe("");
    expect(await site.state()).toBe(before);
  }

  async function interrupt(verb: Verb, pod: PodName, killed: Killed, at: string): Promise<number | null> {
    await site.arm(killed, at);
    const { status } = await site.cni(verb, pod);
    expect(await site.armed()).toBe(false);
    return status;
  }

  it("can happen at the steps that are tried here, and no others", async () => {
    // The last of a table is no step, but the end of the one before it. Record and status are removed side by side.
    const steps = (table: readonly Step[]) => table.slice(0, -1).map(({ at }) => at);
    expect((await site.stepsOf("ADD", () => site.attach("victim"))).toSorted()).toEqual(steps(ADD).toSorted());
    expect((await site.stepsOf("DEL", () => site.detach("victim"))).toSorted()).toEqual(steps(DEL).toSorted());
  });

  describe("of the daemon during ADD, after which the runtime repeats DEL", () => {
    it.each(tried(ADD, "repeats"))("$when", async ({ at }) => {
      expect(await interrupt("ADD", "victim", "daemon", at)).toBe(1);
      await site.plexus.start();
      await aNeighbourMovesIn();
      await site.detach("victim");
      await onlyTheNeighbourIsLeft();
    });
  });

  describe("of the daemon during ADD, of which the runtime knows nothing any more", () => {
    it.each(tried(UNFINISHED_ADD, "is gone"))("$when", async ({ at }) => {
      expect(await interrupt("ADD", "victim", "daemon", at)).toBe(1);
      await site.plexus.start();
      await aNeighbourMovesIn();
      await site.resumed("victim");
      await onlyTheNeighbourIsLeft();
    });

    it.each(tried(FINISHED_ADD, "is gone"))("$when, and then the pod goes", async ({ at }) => {
      expect(await interrupt("ADD", "victim", "daemon", at)).toBe(1);
      await site.removePod("victim");
      await site.plexus.start();
      await site.resumed("victim");
      await site.attach("neighbour");
      await onlyTheNeighbourIsLeft();
    });
  });

  describe("of the daemon during DEL, which the runtime repeats", () => {
    it.each(tried(DEL, "repeats"))("$when", async ({ at }) => {
      await site.attach("victim");
      await interrupt("DEL", "victim", "daemon", at);
      await site.plexus.start();
      await aNeighbourMovesIn();
      await site.detach("victim");
      await onlyTheNeighbourIsLeft();
    });
  });

  describe("of the daemon during DEL, which the runtime forgets", () => {
    it.each(tried(UNBEGUN_DEL, "is gone"))("$when, and then the pod goes", async ({ at }) => {
      await site.attach("victim");
      await interrupt("DEL", "victim", "daemon", at);
      await site.removePod("victim");
      await site.plexus.start();
      await site.resumed("victim");
      await site.attach("neighbour");
      await onlyTheNeighbourIsLeft();
    });

    it.each(tried(BEGUN_DEL, "is gone"))("$when", async ({ at }) => {
      await site.attach("victim");
      await interrupt("DEL", "victim", "daemon", at);
      await site.plexus.start();
      await aNeighbourMovesIn();
      await site.resumed("victim");
      await onlyTheNeighbourIsLeft();
    });
  });

  it("of the daemon during DEL, whose repetition finds no daemon, is made good by the next one", async () => {
    await site.attach("victim");
    await interrupt("DEL", "victim", "daemon", "before DEL bridge net1");
    await site.detach("victim");
    await site.plexus.start();
    await aNeighbourMovesIn();
    await site.resumed("victim");
    await onlyTheNeighbourIsLeft();
  });

  it.each(tried(ofPlugins(DEL), "is gone"))(
    "of the daemon during ADD, and once more while it takes that back, $when",
    async ({ at }) => {
      await interrupt("ADD", "victim", "daemon", "after ADD flannel net1");
      await site.arm("daemon", at);
      await site.startAndDie();
      await site.plexus.start();
      await aNeighbourMovesIn();
      await site.resumed("victim");
      await onlyTheNeighbourIsLeft();
    },
  );

  it.each(tried(ofPlugins(ADD), "repeats"))("of the launcher during ADD, $when, is undone at once", async ({ at }) => {
    expect(await interrupt("ADD", "victim", "launcher", at)).toBe(1);
    await aNeighbourMovesIn();
    await onlyTheNeighbourIsLeft();
  });

  it.each(tried(ofPlugins(DEL), "repeats"))(
    "of the launcher during DEL, $when, which the runtime repeats",
    async ({ at }) => {
      await site.attach("victim");
      expect(await interrupt("DEL", "victim", "launcher", at)).toBe(1);
      await aNeighbourMovesIn();
      await site.detach("victim");
      await onlyTheNeighbourIsLeft();
    },
  );

  it.each(tried(ofPlugins(DEL), "is gone"))(
    "of the launcher during DEL, $when, which the runtime forgets",
    async ({ at }) => {
      await site.attach("victim");
      expect(await interrupt("DEL", "victim", "launcher", at)).toBe(1);
      await site.plexus.terminate();
      await site.plexus.start();
      await aNeighbourMovesIn();
      await site.resumed("victim");
      await onlyTheNeighbourIsLeft();
    },
  );
});
