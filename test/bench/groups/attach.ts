/** ADD and DEL through Plexus, beside the same plugins without it. */
import type { Bench } from "../bench.ts";
import { type Daemon, withDaemon } from "../daemon.ts";
import { drive, ONE_BY_ONE, type Pace, PACED, type Run, type Timing, wallsOf, wholeWall } from "../drive.ts";
import type { Row, Section } from "../section.ts";
import { sandboxIndexes } from "../site.ts";
import { median, p95 } from "../statistics.ts";
import { bareRun, type Extra, type PluginKind, plexusRun, type Verb, VERBS } from "../workload.ts";

const SIDES = ["plexus", "bare"] as const;

/** Plugins that do nothing: what is left is Plexus itself. */
export async function measureNoop(bench: Bench): Promise<readonly Section[]> {
  return withDaemon(bench.site, { name: "noop" }, async (daemon) => {
    const attach: Attach = { ...bench, daemon, kind: "noop" };
    const single = [
      ...(await paced(attach, 1, bench.times(200, 10))),
      ...(await paced(attach, 4, bench.times(200, 10))),
      ...(await backToBack(attach, 1, bench.times(15, 2))),
      ...(await backToBack(attach, 4, bench.times(15, 2))),
    ];
    const together = [
      ...(await atOnce(attach, 1, 8, bench.times(15, 2))),
      ...(await atOnce(attach, 1, 32, bench.times(10, 0))),
      ...(await atOnce(attach, 1, 100, bench.times(10, 1))),
      ...(await atOnce(attach, 4, 8, bench.times(15, 2))),
      ...(await atOnce(attach, 4, 32, bench.times(10, 0))),
      ...(await atOnce(attach, 4, 100, bench.times(7, 0))),
    ];
    return [oneByOne("No-op plugins", single), allAtOnce("No-op plugins", together)];
  });
}

/** Real ones: bridge with host-local, every network a bridge of its own. */
export async function measureBridge(bench: Bench): Promise<readonly Section[]> {
  return withDaemon(bench.site, { name: "bridge" }, async (daemon) => {
    const attach: Attach = { ...bench, daemon, kind: "bridge" };
    // The first ADD makes the bridges.
    await drive(bench.site, alternating(attach, 4, 1), PACED);
    const single = [...(await paced(attach, 1, bench.times(30, 3))), ...(await paced(attach, 4, bench.times(20, 1)))];
    const together = [
      ...(await atOnce(attach, 1, 8, bench.times(5, 1))),
      ...(await atOnce(attach, 1, 32, bench.times(4, 0))),
      ...(await atOnce(attach, 1, 100, bench.times(3, 0))),
      ...(await atOnce(attach, 4, 8, bench.times(4, 1))),
    ];
    return [oneByOne("bridge and host-local", single), allAtOnce("bridge and host-local", together)];
  });
}

export interface Attach extends Bench {
  readonly daemon: Daemon;
  readonly kind: PluginKind;
  /** What a sandbox is to find new each time. */
  readonly renew?: () => Promise<void>;
}

/** One operation at a time, with a pause after each. */
export async function paced(attach: Attach, extra: Extra, sandboxes: number): Promise<readonly Row[]> {
  attach.progress(`${attach.kind}: 1+${extra}, paced, ${sandboxes} sandboxes`);
  await attach.renew?.();
  return rows(`1+${extra} paced`, await drive(attach.site, alternating(attach, extra, sandboxes), PACED));
}

/** One operation at a time, the next one at once: a few ADDs, then their DELs. */
async function backToBack(attach: Attach, extra: Extra, rounds: number): Promise<readonly Row[]> {
  attach.progress(`${attach.kind}: 1+${extra}, back to back, ${rounds} rounds`);
  const round = SIDES.flatMap((side) => VERBS.flatMap((verb) => batch(attach, extra, 20, side, verb)));
  const runs = Array.from({ length: rounds }, () => round).flat();
  return rows(`1+${extra} back to back`, await drive(attach.site, runs, ONE_BY_ONE));
}

/** So many operations begun together, and the next batch when all have ended. */
export async function atOnce(attach: Attach, extra: Extra, sandboxes: number, rounds: number): Promise<readonly Row[]> {
  if (rounds === 0) return [];
  attach.progress(`${attach.kind}: 1+${extra}, ${sandboxes} at once, ${rounds} rounds`);
  const pace: Pace = { parallel: sandboxes, pauseMs: 0 };
  const all = new Map<string, Timing[][]>();
  for (let i = 0; i < rounds; i++) {
    await attach.renew?.();
    for (const side of SIDES) {
      for (const verb of VERBS) {
        const timings = await drive(attach.site, batch(attach, extra, sandboxes, side, verb), pace);
        all.set(`${side}-${verb}`, [...(all.get(`${side}-${verb}`) ?? []), [...timings]]);
      }
    }
  }
  return VERBS.map((verb) => {
    const [own, bare] = [all.get(`plexus-${verb}`) ?? [], all.get(`bare-${verb}`) ?? []];
    const [whole, bareWhole] = [median(own.map(wholeWall)), median(bare.map(wholeWall))];
    const values = [whole, bareWhole, whole / bareWhole, ...spread(own.flat()), ...spread(bare.flat())];
    return { name: `${verb} 1+${extra}, ${sandboxes} at once`, values };
  });
}

function spread(timings: readonly Timing[]): readonly number[] {
  const walls = timings.map(({ wall }) => wall);
  return [median(walls), p95(walls)];
}

type Side = (typeof SIDES)[number];

function batch({ site, daemon, kind }: Attach, extra: Extra, count: number, side: Side, verb: Verb): readonly Run[] {
  return sandboxIndexes(count).map((index) => {
    const run = { label: `${side}-${verb}`, verb, kind, extra, index };
    return side === "plexus" ? plexusRun(site, daemon, run) : bareRun(site, run);
  });
}

/** Each sandbox gets its networks and loses them, through Plexus and then without. */
function alternating({ site, daemon, kind }: Attach, extra: Extra, count: number): readonly Run[] {
  return sandboxIndexes(count).flatMap((index) => [
    ...VERBS.map((verb) => plexusRun(site, daemon, { label: `plexus-${verb}`, verb, kind, extra, index })),
    ...VERBS.map((verb) => bareRun(site, { label: `bare-${verb}`, verb, kind, extra, index })),
  ]);
}

function rows(name: string, timings: readonly Timing[]): readonly Row[] {
  return VERBS.map((verb) => {
    const [own, bare] = [wallsOf(timings, `plexus-${verb}`), wallsOf(timings, `bare-${verb}`)];
    const values = [median(own), p95(own), median(bare), p95(bare), median(own) - median(bare)];
    return { name: `${verb} ${name}`, values };
  });
}

export function oneByOne(plugins: string, measured: readonly Row[]): Section {
  return {
    title: `${plugins}, one sandbox at a time`,
    note: `1+4 is the default network and four more. Paced: ${PACED.pauseMs} ms of rest after each operation.`,
    columns: ["p50 ms", "p95 ms", "bare p50 ms", "bare p95 ms", "on top p50 ms"],
    rows: measured,
  };
}

export function allAtOnce(plugins: string, measured: readonly Row[]): Section {
  return {
    title: `${plugins}, many sandboxes at once`,
    note: "All: from the first begin to the last end, the median of the rounds. One: a single operation. Bare runs as many sandboxes at once; where its plugins do next to nothing, look at the difference rather than at the ratio.",
    columns: ["all ms", "bare all ms", "x bare", "one p50 ms", "one p95 ms", "bare one p50 ms", "bare one p95 ms"],
    rows: measured,
  };
}
