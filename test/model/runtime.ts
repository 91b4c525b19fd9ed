/** What a container runtime asks with, what it knows from the answers, and what it may rely on. */
import { parseCniArgs } from "../../daemon/domain/cni/args.ts";
import type { IfName, NetnsPath, SandboxId } from "../../daemon/domain/ids.ts";
import { type NetConf, parseNetConf } from "../../daemon/domain/netconf.ts";
import type { AddRequest } from "../../daemon/operations/verbs/add.ts";
import type { DelRequest } from "../../daemon/operations/verbs/del.ts";
import type { Journal } from "../../daemon/ports/journal.ts";
import { type CniIfName, type Container, CONTAINERS, IF_NAMES, type Pair } from "./commands.ts";
import type { World } from "./world.ts";

export const PAIRS: readonly Pair[] = CONTAINERS.flatMap((container) =>
  IF_NAMES.map((ifName) => ({ container, ifName })),
);

/** The network config for each interface. */
const CONFS: Readonly<Record<CniIfName, string>> = {
  eth0: `{"cniVersion":"1.1.0","name":"plexus","runtimeConfig":{"portMappings":[{"hostPort":80,"containerPort":80}]},"delegates":[
    {"cniVersion":"1.1.0","name":"pods","plugins":[{"type":"bridge"},{"type":"portmap","capabilities":{"portMappings":true}}]},
    {"cniVersion":"1.0.0","name":"blue","type":"flannel"},
    {"cniVersion":"1.0.0","name":"red","type":"flannel"}]`,
  eth1: '{"cniVersion":"1.1.0","name":"storage","delegates":[{"cniVersion":"1.1.0","name":"store","type":"macvlan"}]',
};

/** The interfaces that its ADD makes, and how many things in all: links, leases, a chain, flannel's notes. */
const MADE: Readonly<Record<CniIfName, { readonly ifNames: readonly string[]; readonly things: number }>> = {
  eth0: { ifNames: ["eth0", "net1", "net2"], things: 9 },
  eth1: { ifNames: ["eth1"], things: 2 },
};

/** What the runtime knows of a pair. */
export type Standing =
  /** Nothing was added, or it was deleted, or its ADD failed. What may be left of it is owed by Plexus, without being asked. */
  | "nothing"
  /** ADD succeeded, and nobody has asked to take it away. */
  | "stands"
  /** Its DEL waits in the spool: owed as well. */
  | "spooled"
  /** An answer was lost, or a DEL is under way or has failed, or the sandbox ended. */
  | "unknown";

export function nameOf({ container, ifName }: Pair): string {
  return `${container}/${ifName}`;
}

export function netnsOf(container: Container): NetnsPath {
  return `/run/netns/${container}` as NetnsPath;
}

export function addRequest(pair: Pair): AddRequest {
  const { container } = pair;
  return {
    ...delRequest(pair),
    netns: netnsOf(container),
    args: parseCniArgs(`K8S_POD_NAMESPACE=shop;K8S_POD_NAME=${container};K8S_POD_UID=${container}`),
    searchPath: ["/opt/cni/bin"],
    netnsOverride: "",
    netConf: netConf(pair.ifName),
  };
}

export function delRequest({ container, ifName }: Pair): DelRequest {
  return {
    sandbox: container as string as SandboxId,
    ifName: ifName as string as IfName,
    netns: netnsOf(container),
    netnsMayBeHosts: false,
  };
}

function netConf(ifName: CniIfName, more = ""): NetConf {
  return parseNetConf(`${CONFS[ifName]}${more}}`);
}

/** For GC: the pairs that are valid. */
export function gcNetConf(ifName: CniIfName, valid: readonly Pair[]): NetConf {
  const list = valid.map((pair) => ({ containerID: pair.container, ifname: pair.ifName }));
  return netConf(ifName, `,"cni.dev/valid-attachments":${JSON.stringify(list)}`);
}

/** How an ADD ended, and in what circumstances. */
export interface AddEnding {
  readonly failure: Error | undefined;
  /** A DEL of it is under way already. */
  readonly isGoing: boolean;
  /** The disk takes nothing any more, so that the record may still say what the ADD wrote before it failed. */
  readonly isUnwritable: boolean;
}

/** @param blame told of everything that the runtime could not rely on */
export function makeRuntime(world: World, journal: Journal, blame: (what: string) => void) {
  const standings = new Map<string, Standing>();
  const asked = new Map<string, Pair>();
  const standingOf = (pair: Pair): Standing => standings.get(nameOf(pair)) ?? "nothing";
  const become = (pair: Pair, standing: Standing): void => void standings.set(nameOf(pair), standing);
  const isAlive = ({ container }: Pair): boolean => world.namespaces.has(netnsOf(container));

  function leftOf({ container, ifName }: Pair): readonly { readonly key: string; readonly ifName: string }[] {
    const { ifNames } = MADE[ifName];
    return [...world.things]
      .filter(([, thing]) => thing.container === container && ifNames.includes(thing.ifName))
      .map(([key, thing]) => ({ key, ifName: thing.ifName }));
  }

  function listed(pair: Pair): string {
    return leftOf(pair)
      .map(({ key }) => key)
      .join(", ");
  }

  function expectNothingOf(pair: Pair, after: string): void {
    if (leftOf(pair).length > 0) blame(`after ${after}, this is left of ${nameOf(pair)}: ${listed(pair)}`);
  }

  /** What the record of its sandbox says of it. */
  async function recordedOf({ container, ifName }: Pair) {
    const record = await journal.read(container as string as SandboxId);
    return record?.attachments.filter(({ owner }) => owner === (ifName as string)) ?? [];
  }

  async function expectOwed(pair: Pair, after: string): Promise<void> {
    const known = new Set((await recordedOf(pair)).map(({ ifName }): string => ifName));
    for (const { key, ifName } of leftOf(pair)) if (!known.has(ifName)) blame(`after ${after}, nobody knows of ${key}`);
  }

  /** After a success nothing is left, or the daemon retries what is left by itself, and no interface is in the namespace. */
  async function expectReleased(pair: Pair, after: string): Promise<void> {
    const recorded = await recordedOf(pair);
    if (recorded.some(({ state }) => state !== "released")) blame(`after ${after}, its record is left`);
    if (recorded.length === 0) expectNothingOf(pair, after);
    await expectOwed(pair, after);
    const view = world.look(
      netnsOf(pair.container),
      recorded.map(({ ifName }) => ifName),
    );
    const present = view.found === "sandbox" ? view.present : new Set();
    for (const ifName of present) blame(`after ${after}, interface ${String(ifName)} is still there`);
  }

  return {
    standingOf,
    isAlive,
    expectNothingOf,
    /** @param isExcused whose disk has refused to say how far things are */
    async expectNothingHalf(isExcused: (container: Container) => boolean): Promise<void> {
      for (const pair of PAIRS) {
        const recorded = await recordedOf(pair);
        if (recorded.some(({ state }) => state !== "attached")) blame(`${nameOf(pair)} is still owed`);
        const many = leftOf(pair).length;
        const isWhole = many === (recorded.length === 0 ? 0 : MADE[pair.ifName].things);
        if (isAlive(pair) && !isExcused(pair.container) && !isWhole)
          blame(`of ${nameOf(pair)} there is still: ${listed(pair)}`);
      }
    },

    /** Every pair that was ever asked for. */
    asked,
    /** Those that a GC must leave alone. */
    valid: (): readonly Pair[] => [...asked.values()].filter(isAlive),

    expectStanding(): void {
      for (const pair of PAIRS) {
        if (standingOf(pair) === "stands" && leftOf(pair).length !== MADE[pair.ifName].things) {
          blame(`${nameOf(pair)} stands, but of its things there are only: ${listed(pair)}`);
        }
      }
    },

    asksToAdd: (pair: Pair): void => void asked.set(nameOf(pair), pair),

    asksToDel(pair: Pair): void {
      if (standingOf(pair) === "stands") become(pair, "unknown");
    },

    spools: (pair: Pair): void => become(pair, "spooled"),

    async added(pair: Pair, name: string, { failure, isGoing, isUnwritable }: AddEnding): Promise<void> {
      const before = standingOf(pair);
      if (failure !== undefined) {
        // Nobody but Plexus makes interfaces here.
        if (failure.message.includes("already exists")) blame(`${name} was hindered by leavings`);
        if (before !== "nothing") return;
        await expectOwed(pair, name);
        if (isUnwritable) become(pair, "unknown");
        return;
      }
      if (before === "stands") blame(`${name} succeeded, though it stood already`);
      become(pair, "stands");
      if (!isAlive(pair)) {
        become(pair, "unknown");
        return;
      }
      this.expectStanding();
      if (isGoing) become(pair, "unknown");
    },

    async deleted(pair: Pair, name: string, failure: Error | undefined): Promise<void> {
      if (failure !== undefined) return;
      become(pair, "nothing");
      await expectReleased(pair, name);
    },

    checked(pair: Pair, name: string, failure: Error | undefined): void {
      if (failure !== undefined) return;
      if (standingOf(pair) === "nothing") blame(`${name} succeeded, though nothing was attached`);
      if (leftOf(pair).length !== MADE[pair.ifName].things)
        blame(`${name} succeeded, though there is only: ${listed(pair)}`);
    },

    async collected(pairs: readonly Pair[], name: string): Promise<void> {
      for (const pair of pairs) {
        become(pair, "nothing");
        await expectReleased(pair, name);
      }
    },

    /** The answer to an ADD will never come. */
    losesTrack: (pair: Pair): void => become(pair, "unknown"),

    ends(container: Container): void {
      for (const pair of PAIRS)
        if (pair.container === container && standingOf(pair) === "stands") become(pair, "unknown");
    },
  };
}
