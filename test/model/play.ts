/** Plays a story on a node: the runtime's calls, what happens to them, and in the end everything that sets things right again. */
import { namespace, podName } from "../../daemon/domain/ids.ts";
import { manualClock } from "../fakes/manual-clock.ts";
import { memoryJournal } from "../fakes/memory-journal.ts";
import { memorySpool } from "../fakes/memory-spool.ts";
import { memoryStatusBoard } from "../fakes/memory-status-board.ts";
import type { Waiting } from "./gates.ts";
import { type Command, CONTAINERS, type Pair, type Story } from "./commands.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { type Fate, WELL } from "./fate.ts";
import { addRequest, delRequest, gcNetConf, makeRuntime, nameOf, netnsOf, PAIRS } from "./runtime.ts";
import { makeWorld } from "./world.ts";

interface Operation {
  readonly name: string;
  readonly verb: "ADD" | "DEL" | "CHECK" | "GC" | "resume";
  /** Absent for those of the whole node. */
  readonly pair?: Pair;
  readonly gone: AbortController;
}

/** How far the next thing of a kind may be away. */
const FARTHEST = 20;

/** More than any story can ask of a node. */
const MOST_STEPS = 10_000;

/** @throws Error that tells the story and what went wrong in it */
export async function play({ commands, resumesFirst }: Story): Promise<void> {
  const told: string[] = [];
  const wrong: string[] = [];
  const tell = (what: string): void => void told.push(what);
  const blame = (what: string): void => void wrong.push(what);

  const world = makeWorld(CONTAINERS.map(netnsOf), blame);
  const pods = CONTAINERS.map((name) => ({
    namespace: namespace("shop"),
    name: podName(name),
    uid: name,
    annotations: {},
  }));
  const journal = memoryJournal();
  const spool = memorySpool();
  const statusBoard = memoryStatusBoard();
  const clock = manualClock();
  const node = { world, journal, spool, statusBoard, clock, pods };

  const runtime = makeRuntime(world, journal, blame);
  const start = (): Daemon => startDaemon(node, tell, blame);
  let daemon = start();
  /** How often in a row the disk has refused a change of a sandbox's record, and for whom it ever did. */
  const refusals = new Map<string, number>();
  const refused = new Set<string>();
  let underWay: readonly Operation[] = [];

  /** Lets everything that can happen by itself happen, and looks at the outcome. */
  async function settle(): Promise<void> {
    await new Promise(setImmediate);
    runtime.expectStanding();
    if (wrong.length > 0) throw new Error(["", ...told, ...wrong.map((what) => `WRONG: ${what}`)].join("\n"));
  }

  async function pass(turn: number, fate: Fate = WELL): Promise<void> {
    const { waiting } = daemon.gates;
    const one = waiting[turn % waiting.length];
    if (one === undefined) return;
    tell(`  ${one.what}: ${fate.ends}${fate.ends === "well" ? "" : ` after ${fate.reach}`}`);
    noteDisk(one, fate);
    one.go(fate);
    await settle();
  }

  async function failNext({ next, turn, fate }: Extract<Command, { do: "fail" }>): Promise<void> {
    for (let passed = 0; passed < FARTHEST; passed += 1) {
      const index = daemon.gates.waiting.findIndex(({ what }) => what.startsWith(next));
      await (index < 0 ? pass(turn) : pass(index, fate));
      if (index >= 0) return;
    }
  }

  function noteDisk({ what }: Waiting, { ends }: Fate): void {
    const container = /^(?:write|remove) record (\w+)/.exec(what)?.[1];
    if (container === undefined) return;
    if (ends !== "well") refused.add(container);
    refusals.set(container, ends === "well" ? 0 : (refusals.get(container) ?? 0) + 1);
  }

  function isWaitedFor(...verbs: readonly string[]): boolean {
    return underWay.some(({ verb, gone }) => verbs.includes(verb) && !gone.signal.aborted);
  }

  function isGoing(pair: Pair): boolean {
    return underWay.some(
      (other) => other.verb === "DEL" && other.pair !== undefined && nameOf(other.pair) === nameOf(pair),
    );
  }

  function begin(
    verb: Operation["verb"],
    pair: Pair | undefined,
    work: (signal: AbortSignal) => Promise<unknown>,
    answered: (name: string, failure: Error | undefined) => Promise<void> | void,
  ): void {
    clock.advance(1);
    const name = `${verb}${pair === undefined ? "" : ` ${nameOf(pair)}`} (at ${clock.now()})`;
    const operation: Operation = { name, verb, ...(pair !== undefined && { pair }), gone: new AbortController() };
    tell(`${name} begins`);
    underWay = [...underWay, operation];
    const end = async (failure?: Error): Promise<void> => {
      tell(`${name} ${failure === undefined ? "succeeds" : `fails: ${failure.message}`}`);
      underWay = underWay.filter((other) => other !== operation);
      await answered(name, failure);
    };
    work(operation.gone.signal)
      .then(() => end(), end)
      .catch((thrown: unknown) => blame(String(thrown)));
  }

  function beginDel(pair: Pair, onFailure: (name: string) => void = () => undefined): void {
    runtime.asksToDel(pair);
    const before = underWay.filter((other) => other.verb !== "DEL" && other.pair?.container === pair.container);
    begin(
      "DEL",
      pair,
      (signal) => daemon.del(delRequest(pair), signal),
      (name, failure) => {
        // One may have been running; the others waited.
        const overtaken = before.filter((other) => underWay.includes(other));
        if (overtaken.length < before.length - 1) blame(`${name} did not overtake what waited`);
        if (failure !== undefined) onFailure(name);
        return runtime.deleted(pair, name, failure);
      },
    );
  }

  function beginCheck(pair: Pair): void {
    begin(
      "CHECK",
      pair,
      (signal) => daemon.check(delRequest(pair), signal),
      (name, failure) => {
        runtime.checked(pair, name, failure);
      },
    );
  }

  function beginResume(): void {
    begin("resume", undefined, daemon.resume, () => undefined);
  }

  function crash(reaches: readonly number[]): void {
    tell("the daemon dies");
    daemon.gates.waiting.slice().forEach((one, index) => {
      const fate = { ends: "is lost", reach: reaches[index % reaches.length] ?? 0 } as const;
      tell(`  ${one.what}: dies after ${fate.reach}`);
      one.perish(fate);
    });
    for (const { verb, pair } of underWay) if (verb === "ADD" && pair !== undefined) runtime.losesTrack(pair);
    underWay = [];
    daemon = start();
  }

  async function happen(command: Command): Promise<void> {
    switch (command.do) {
      case "ADD": {
        // GC excludes ADD and DEL; a runtime sees to that (CNI 1.1, "Lifecycle & Ordering").
        if (isWaitedFor("GC")) return;
        const pair = command;
        runtime.asksToAdd(pair);
        begin(
          "ADD",
          pair,
          (signal) => daemon.add(addRequest(pair), signal),
          (name, failure) =>
            runtime.added(pair, name, {
              failure,
              isGoing: isGoing(pair),
              isUnwritable: (refusals.get(pair.container) ?? 0) > 1,
            }),
        );
        return;
      }
      case "DEL":
        if (!isWaitedFor("GC")) beginDel(command);
        return;
      case "CHECK":
        beginCheck(command);
        return;
      case "GC": {
        if (isWaitedFor("ADD", "DEL", "GC")) return;
        const { ifName } = command;
        const valid = runtime.valid().filter((pair) => pair.ifName === ifName);
        const stale = PAIRS.filter(
          (pair) => pair.ifName === ifName && !valid.some((one) => nameOf(one) === nameOf(pair)),
        );
        const request = { netConf: gcNetConf(ifName, valid), searchPath: ["/opt/cni/bin"] };
        begin(
          "GC",
          undefined,
          (signal) => daemon.gc(request, signal),
          (name, failure) => {
            if (failure === undefined && underWay.length === 0) return runtime.collected(stale, name);
            return undefined;
          },
        );
        return;
      }
      case "resume":
        beginResume();
        return;
      case "spool": {
        const { container, ifName } = command;
        if (underWay.length > 0) return;
        clock.advance(1);
        tell(`DEL ${nameOf(command)} is spooled (at ${clock.now()})`);
        runtime.spools(command);
        spool.put({
          id: nameOf(command),
          at: clock.now(),
          containerId: container,
          ifName,
          netns: netnsOf(container),
          netnsOverride: "",
          args: "",
          path: "",
          conf: "{}",
        });
        return;
      }
      case "set the clock":
        tell(`the clock is set by ${command.by}`);
        clock.set(command.by);
        return;
      case "go on":
        for (let time = 0; time < command.times; time += 1) await pass(command.turn);
        return;
      case "fail":
        return failNext(command);
      case "give up": {
        const operation = underWay[command.turn % underWay.length];
        if (operation === undefined) return;
        tell(`nobody waits for ${operation.name} any more`);
        operation.gone.abort(command.reach);
        return;
      }
      case "crash":
        crash(command.reaches);
        return;
      case "end":
        tell(`the ${command.what} of ${command.container} ends`);
        pods.splice(0, pods.length, ...pods.filter(({ name }) => name !== podName(command.container)));
        if (command.what === "pod") return;
        world.unmake(netnsOf(command.container));
        runtime.ends(command.container);
    }
  }

  /** Nothing goes wrong any more. */
  async function finish(): Promise<void> {
    for (let steps = 0; daemon.gates.waiting.length > 0; steps += 1) {
      if (steps > MOST_STEPS) blame("it never ends");
      await pass(0);
    }
    for (const { name } of underWay) blame(`${name} hangs`);
    await settle();
  }

  async function payDebts(): Promise<void> {
    // Longer than any pause between two attempts at a cleanup.
    clock.advance(3_600_001);
    beginResume();
    await finish();
    await runtime.expectNothingHalf((container) => refused.has(container));
    for (const pair of PAIRS) {
      if (["nothing", "spooled"].includes(runtime.standingOf(pair))) runtime.expectNothingOf(pair, "a round of debts");
    }
    if ((await spool.entries()).length > 0) blame("a DEL is left in the spool");
  }

  for (const command of commands) {
    await happen(command);
    await settle();
  }
  tell("from here on nothing goes wrong");
  await finish();
  if (resumesFirst) await payDebts();
  for (const pair of PAIRS.filter((one) => runtime.standingOf(one) === "stands")) {
    begin(
      "CHECK",
      pair,
      (signal) => daemon.check(delRequest(pair), signal),
      (name, failure) => {
        if (failure !== undefined) blame(`${name} failed, though it stands`);
      },
    );
  }
  await finish();
  for (const pair of runtime.asked.values()) {
    beginDel(pair, (name) => {
      blame(`${name} failed, though nothing goes wrong`);
    });
  }
  await finish();
  await payDebts();
  for (const key of world.things.keys()) blame(`${key} is left in the end`);
  for (const sandbox of await journal.list()) blame(`the record of ${sandbox} is left in the end`);
  for (const container of CONTAINERS) {
    if (statusBoard.shown(delRequest({ container, ifName: "eth0" }).sandbox) !== undefined)
      blame(`the status of ${container} is left in the end`);
  }
  await settle();
}
