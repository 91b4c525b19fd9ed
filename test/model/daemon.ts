/** The operations as one daemon process has them: all that they keep in memory is made here, and forgotten when the process dies. */
import { composeOperations } from "../../daemon/compose/operations.ts";
import { JsonObject } from "../../daemon/domain/json/json-object.ts";
import { PlexusError } from "../../daemon/domain/errors.ts";
import type { Pod } from "../../daemon/domain/pod.ts";
import type { Journal } from "../../daemon/ports/journal.ts";
import { NO_METERS } from "../../daemon/ports/meters.ts";
import type { PluginRunner } from "../../daemon/ports/plugin-runner.ts";
import type { Sandboxes } from "../../daemon/ports/sandboxes.ts";
import type { Spool } from "../../daemon/ports/spool.ts";
import type { StatusBoard } from "../../daemon/ports/status-board.ts";
import { fixedNetworks } from "../fakes/fixed-networks.ts";
import { fixedPods } from "../fakes/fixed-pods.ts";
import type { ManualClock } from "../fakes/manual-clock.ts";
import { memoryConfFiles } from "../fakes/memory-conf-files.ts";
import { memoryDeviceInfoFiles } from "../fakes/memory-device-info-files.ts";
import { memoryEvents } from "../fakes/memory-events.ts";
import { memorySandboxes } from "../fakes/memory-sandboxes.ts";
import type { Fate } from "./fate.ts";
import { makeGates } from "./gates.ts";
import type { World } from "./world.ts";
import { DEFAULT_LIMITS } from "../../daemon/domain/tenant-limits.ts";

/** What outlives the daemon. */
export interface Node {
  readonly world: World;
  readonly journal: Journal;
  readonly spool: Spool;
  readonly statusBoard: StatusBoard;
  readonly clock: ManualClock;
  readonly pods: readonly Pod[];
}

export type Daemon = ReturnType<typeof startDaemon>;

/** Nothing here takes time, so no deadline passes by itself. */
const NEVER_MS = 86_400_000;

/**
 * @param tell told of what the daemon copes with
 * @param blame told of what must not be
 */
export function startDaemon(node: Node, tell: (what: string) => void, blame: (what: string) => void) {
  const { world, journal, spool, statusBoard, clock, pods } = node;
  const gates = makeGates();
  const busy = new Set<string>();

  const plugins: PluginRunner = {
    run: async (run, signal) => {
      const { CNI_COMMAND = "", CNI_CONTAINERID = "", CNI_IFNAME = "" } = run.env;
      if (busy.has(CNI_CONTAINERID)) blame(`plugins ran twice at once for sandbox ${CNI_CONTAINERID}`);
      if (CNI_CONTAINERID !== "") busy.add(CNI_CONTAINERID);
      const what = `${CNI_COMMAND} ${CNI_CONTAINERID} ${CNI_IFNAME} ${run.type}`;
      try {
        return await gates.pass(what, (fate) => world.run(run, fate), signal);
      } finally {
        busy.delete(CNI_CONTAINERID);
      }
    },
  };
  const gatedJournal: Journal = {
    ...journal,
    read: (sandbox, asked) =>
      gates.pass(`read record ${sandbox}`, (fate) => look(fate, () => journal.read(sandbox, asked))),
    write: (record) =>
      gates.pass(
        `write record ${record.sandbox} (${record.attachments.map(({ ifName, state }) => `${ifName} ${state}`).join(", ")})`,
        (fate) => change(fate, () => journal.write(record)),
      ),
    remove: (sandbox) => gates.pass(`remove record ${sandbox}`, (fate) => change(fate, () => journal.remove(sandbox))),
    list: () => gates.pass("list records", (fate) => look(fate, () => journal.list())),
  };
  const gatedBoard: StatusBoard = {
    publish: (target, status, signal) =>
      gates.pass(
        `publish ${target.sandbox}`,
        (fate) => change(fate, () => statusBoard.publish(target, status, new AbortController().signal)),
        signal,
      ),
    withdraw: (sandbox) =>
      gates.pass(`withdraw ${sandbox}`, (fate) => change(fate, () => statusBoard.withdraw(sandbox))),
  };
  const gatedSpool: Spool = {
    entries: () => gates.pass("read spool", (fate) => look(fate, () => spool.entries())),
    find: (container, ifName) =>
      gates.pass(`read spooled ${container} ${ifName}`, (fate) => look(fate, () => spool.find(container, ifName))),
    remove: (id) => gates.pass(`unspool ${id}`, (fate) => change(fate, () => spool.remove(id))),
  };
  const sandboxes: Sandboxes = {
    ...memorySandboxes(),
    look: (netns, ifNames, signal) =>
      gates.pass(`look ${netns}`, (fate) => look(fate, () => Promise.resolve(world.look(netns, ifNames))), signal),
  };

  const ports = {
    plugins,
    deviceParents: { of: async (device: string) => device },
    journal: gatedJournal,
    statusBoard: gatedBoard,
    spool: gatedSpool,
    sandboxes,
    clock,
    pods: fixedPods(pods),
    networks: fixedNetworks([]),
    confFiles: memoryConfFiles(),
    events: memoryEvents(),
    devices: [],
    deviceInfoFiles: memoryDeviceInfoFiles(),
    refuseUnlessSynced: () => undefined,
    refuseUnlessAble: async () => undefined,
    meters: NO_METERS,
  };
  const scope = (signal: AbortSignal) => ({
    signal,
    trace: () => undefined,
    warn: (message: string) => {
      tell(`    warned: ${message}`);
    },
  });
  const { add, del, check, gc, resume } = composeOperations(ports, {
    node: { binDir: "/opt/cni/bin", overlay: JsonObject.empty },
    undoTimeoutMs: NEVER_MS,
    limits: DEFAULT_LIMITS,
    maxOperations: 1_000,
    cleanupGiveUpHours: 24,
    maxPendingCleanups: 1_000,
    maxRunningPerNetwork: undefined,
  });
  return {
    gates,
    add: (request: Parameters<typeof add>[0], signal: AbortSignal) => add(request, scope(signal)),
    del: (request: Parameters<typeof del>[0], signal: AbortSignal) => del(request, scope(signal)),
    check: (request: Parameters<typeof check>[0], signal: AbortSignal) => check(request, scope(signal)),
    gc: (request: Parameters<typeof gc>[0], signal: AbortSignal) => gc(request, scope(signal)),
    resume: (signal: AbortSignal) => resume(scope(signal)),
  };
}

async function look<T>({ ends }: Fate, act: () => Promise<T>): Promise<T> {
  if (ends === "well") return act();
  throw new PlexusError(ends === "is lost" ? "try-again-later" : "io-failure", `it ${ends}`);
}

/** A change that fails may have been made all the same: the disk took it, and then could not say that it will last. */
async function change(fate: Fate, act: () => Promise<void>): Promise<void> {
  if (fate.ends === "well" || fate.reach > 0) await act();
  await look(fate, () => Promise.resolve());
}
