/** More callers at once than a node ever sees, and callers that are none: the daemon serves the good ones, and keeps nothing of any. */
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { random } from "../../shim/binary/random.ts";
import { type FloodSite, type Held, makeFloodSite, type Started } from "./flood-site.ts";
import { HOSTILITIES, type Hostility } from "./hostile-peers.ts";

const BRIEFLY = process.env["PLEXUS_SOAK"] === undefined;
const CALLERS = BRIEFLY ? 120 : 1_000;
const HOSTILE_MS = BRIEFLY ? 300 : 60_000;
const HOSTILE_PEERS = 4;
const SIDE_BY_SIDE = 6;
const LONGEST_MS = 3_600_000;
const WARM_UP = 20;
/** How many times what a warm daemon takes it may take once the peers that mean no good have gone. After a short run it is hardly warm. */
const GIVEN_BACK = BRIEFLY ? 2 : 1.25;

const seed = Date.now() % 1_000_000_000;
const NAMES = Array.from({ length: CALLERS }, (_, index) => `caller-${index}`);

const allAtOnce: Hostility = {
  what: "all of this at once",
  attack: async (scene) => {
    await Promise.all(HOSTILITIES.map(({ attack }) => attack(scene)));
  },
};

describe.skipIf(process.getuid?.() !== 0)(`a flood, seed ${seed}`, () => {
  let site: FloodSite;
  let idle: Held;
  /** What it takes when it has served its honest callers, in MiB. */
  let warm: number;

  beforeAll(async () => {
    site = await makeFloodSite();
    for (let time = 0; time < WARM_UP; time++) {
      expect(await site.cni("ADD", "first")).toMatchObject({ status: 0 });
      await site.delete("first");
    }
    idle = await site.held();
    warm = (await site.memory()).daemon;
    await report("of a warm daemon");
  });
  afterAll(() => site.stop());

  async function report(what: string): Promise<void> {
    const { daemon, launcher } = await site.memory();
    process.stdout.write(`memory ${what}: daemon ${daemon} MiB, launcher ${launcher} MiB\n`);
  }

  /** The daemon is held up until all of them are there. */
  function startAtOnce(): readonly Started[] {
    site.hold();
    const calls = NAMES.map((name) => site.startAdd(name));
    site.release();
    return calls;
  }

  async function deleteAll(): Promise<void> {
    const left = NAMES.values();
    const worker = async (): Promise<void> => {
      for (const name of left) await site.delete(name);
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  }

  async function nothingIsLeft(): Promise<void> {
    expect(await site.heldInTheEnd(idle)).toEqual(idle);
    expect(site.plexus.log.filter(({ msg }) => String(msg).startsWith("bug"))).toEqual([]);
    expect(await site.cni("STATUS", "")).toMatchObject({ status: 0 });
  }

  it(
    `${CALLERS} ADDs at once, then as many with half of the callers killed at any moment: nothing is left`,
    { timeout: LONGEST_MS },
    async () => {
      const all = startAtOnce();
      const began = performance.now();
      expect(await Promise.all(all.map(({ ended }) => ended))).toEqual(all.map(() => 0));
      const took = performance.now() - began;
      await deleteAll();
      await nothingIsLeft();
      await report(`after ${CALLERS} callers`);
      warm = (await site.memory()).daemon;

      const rnd = random(seed);
      const calls = startAtOnce();
      const [spared, doomed] = [
        calls.filter((_, index) => index % 2 === 0),
        calls.filter((_, index) => index % 2 === 1),
      ];
      const moments = doomed.map((call) => pause(rnd.below(took)).then(call.kill));
      const statuses = await Promise.all(spared.map(({ ended }) => ended));
      const killed = (await Promise.all(doomed.map(({ ended }) => ended))).filter((status) => status === null);
      await Promise.all(moments);
      expect(statuses).toEqual(spared.map(() => 0));
      expect(killed.length).toBeGreaterThan(0);
      await deleteAll();
      await nothingIsLeft();
      await report(`after as many, ${killed.length} of them killed`);
    },
  );

  it.each([...HOSTILITIES, allAtOnce])(
    "$what: others are served, and nothing is left",
    { timeout: LONGEST_MS },
    async ({ what, attack }) => {
      const end = AbortSignal.timeout(HOSTILE_MS);
      let attacks = 0;
      const peers = Array.from({ length: HOSTILE_PEERS }, async (_, index) => {
        const scene = { socket: site.socket, rnd: random(seed + index), end };
        for (; !end.aborted; attacks++) await attack(scene);
      });
      const answers = [];
      do answers.push(await site.cni("ADD", "good"), await site.cni("DEL", "good"));
      while (!end.aborted);
      await Promise.all(peers);
      expect(answers.filter(({ status }) => status !== 0)).toEqual([]);
      await nothingIsLeft();
      await report(`after ${what}, ${attacks} times (${answers.length} good calls)`);
    },
  );

  it("when it is over, the memory that it took is given back", { timeout: LONGEST_MS }, async () => {
    expect(await site.memoryInTheEnd(warm * GIVEN_BACK)).toBeLessThanOrEqual(warm * GIVEN_BACK);
    await report("in the end");
  });
});
