/**
 * What CNI plugins make on a node, and how they take it away again: step by step like the real ones, so that they can fail or die between two
 * steps. An ADD may leave half of its work behind; DEL may be repeated, and finds only what it is told of in the terms of ADD.
 */
import { PlexusError } from "../../daemon/domain/errors.ts";
import type { PluginReport, PluginRun } from "../../daemon/ports/plugin-runner.ts";
import type { IfName, NetnsIdentity } from "../../daemon/domain/ids.ts";
import type { NetnsView } from "../../daemon/ports/sandboxes.ts";
import { fails, succeeds } from "../fakes/scripted-plugin-runner.ts";
import type { Fate } from "./fate.ts";

/** An interface, a lease, a chain of the firewall, a note on disk: whatever a plugin made. */
export interface Thing {
  /** Whom it was made for. Only leases are found again by these; all else goes by its key. */
  readonly container: string;
  readonly ifName: string;
  /** What is written on it. */
  readonly content: string;
}

export interface World {
  /** Those that can be opened. */
  readonly namespaces: ReadonlySet<string>;
  /** Everything there is, by what its maker knows it by. */
  readonly things: ReadonlyMap<string, Thing>;
  look(netns: string, ifNames: readonly IfName[]): NetnsView;
  /** The namespace goes, and the interfaces in it. */
  unmake(netns: string): void;
  /** Runs a plugin at once, as far as its fate lets it. */
  run(run: PluginRun, fate: Fate): PluginReport;
}

/** Addresses per network. Fewer than sandboxes, so that they run out. */
const POOL = ["2", "3"];

/** What a plugin is told. */
interface Call {
  readonly container: string;
  readonly ifName: string;
  readonly netns: string;
  readonly network: string;
  readonly conf: Conf;
}

interface Conf {
  readonly cniVersion: string;
  readonly name: string;
  readonly dataDir?: string;
  readonly runtimeConfig?: { readonly portMappings?: readonly unknown[] };
  readonly prevResult?: { readonly ips: readonly { readonly address: string }[] };
  readonly "cni.dev/valid-attachments"?: readonly { readonly containerID: string; readonly ifname: string }[];
}

type Step = () => void;
type Verb = (call: Call) => readonly Step[];

interface Plugin {
  readonly ADD: Verb;
  readonly DEL: Verb;
  readonly CHECK: Verb;
  readonly GC: Verb;
}

class Refusal extends Error {}

/** @param blame told of a plugin that was to make what is there already: nobody but Plexus makes anything here */
export function makeWorld(netnsPaths: readonly string[], blame: (what: string) => void): World {
  const namespaces = new Set(netnsPaths);
  const things = new Map<string, Thing>();

  const link = ({ netns, ifName }: Call) => `link ${netns} ${ifName}`;
  const chain = ({ network, container }: Call) => `chain ${network} ${container}`;
  const note = ({ conf, container }: Call) => `note ${conf.dataDir ?? "/var/lib/cni/flannel"}/${container}`;
  const leases = (network: string) => POOL.map((host) => `lease ${network} 10.0.0.${host}/24`);
  const leaseOf = ({ network, container, ifName }: Call) =>
    leases(network).find((key) => things.get(key)?.container === container && things.get(key)?.ifName === ifName);
  const addressOf = (call: Call) => leaseOf(call)?.split(" ")[2];

  function make(key: string, { container, ifName }: Call, content = ""): void {
    things.set(key, { container, ifName, content });
  }

  function refuseUnless(fact: boolean, why: string): void {
    if (!fact) throw new Refusal(why);
  }

  function refuseSecond(key: string | undefined): void {
    if (key === undefined || !things.has(key)) return;
    blame(`an ADD was run over ${key}`);
    throw new Refusal("it exists already");
  }

  const takeLease: (call: Call) => Step = (call) => () => {
    refuseSecond(leaseOf(call));
    const free = leases(call.network).find((key) => !things.has(key));
    if (free === undefined) throw new Refusal("no IP addresses available");
    make(free, call);
  };
  const freeLease: (call: Call) => Step = (call) => () => void things.delete(leaseOf(call) ?? "");
  const makeLink: (call: Call) => Step = (call) => () => {
    refuseUnless(namespaces.has(call.netns), "no such network namespace");
    refuseSecond(link(call));
    make(link(call), call, addressOf(call));
  };
  const checkLink: (call: Call) => Step = (call) => () => {
    const address = call.conf.prevResult?.ips[0]?.address;
    refuseUnless(addressOf(call) === address, "the lease is gone");
    refuseUnless(things.get(link(call))?.content === address, "the interface is gone");
  };
  const freeUnlisted: (call: Call) => Step =
    ({ network, conf }) =>
    () => {
      const valid = conf["cni.dev/valid-attachments"] ?? [];
      for (const key of leases(network)) {
        const lease = things.get(key);
        const isValid = valid.some((one) => one.containerID === lease?.container && one.ifname === lease.ifName);
        if (!isValid) things.delete(key);
      }
    };

  /** An interface and an address for it. Keyed by network, container and interface, as host-local keeps its leases. */
  const plain: Plugin = {
    ADD: (call) => [takeLease(call), makeLink(call)],
    // Without a namespace only the lease can be given back.
    DEL: (call) => [freeLease(call), () => void things.delete(link(call))],
    CHECK: (call) => [checkLink(call)],
    GC: (call) => [freeUnlisted(call)],
  };

  const plugins: Readonly<Record<string, Plugin>> = {
    bridge: plain,
    macvlan: plain,
    /** Remembers what it delegated in a note named after the container alone; without the note its DEL has nothing to do. */
    flannel: {
      ADD: (call) => [
        () => {
          make(note(call), call, call.network);
        },
        ...plain.ADD(call),
      ],
      DEL: (call) => {
        const remembered = things.get(note(call));
        if (remembered === undefined) return [];
        return [...plain.DEL({ ...call, network: remembered.content }), () => void things.delete(note(call))];
      },
      CHECK: plain.CHECK,
      GC: () => [],
    },
    /** One chain per network and container. It is told of ports again on DEL, or does nothing. */
    portmap: {
      ADD: (call) => [
        () => {
          refuseUnless(call.conf.prevResult !== undefined, "must be called as chained plugin");
          make(chain(call), call);
        },
      ],
      DEL: (call) =>
        call.conf.runtimeConfig?.portMappings === undefined ? [] : [() => void things.delete(chain(call))],
      CHECK: (call) => [
        () => {
          refuseUnless(things.has(chain(call)), "the chain is gone");
        },
      ],
      GC: () => [],
    },
  };

  function resultOf(call: Call): string {
    const { cniVersion, prevResult } = call.conf;
    const own = {
      cniVersion,
      interfaces: [{ name: call.ifName, sandbox: call.netns }],
      ips: [{ address: addressOf(call), interface: 0 }],
    };
    return JSON.stringify(prevResult ?? own);
  }

  return {
    namespaces,
    things,
    look: (netns, ifNames) => {
      if (!namespaces.has(netns)) return { found: "netns-gone" };
      const present = new Set(ifNames.filter((ifName) => things.has(`link ${netns} ${ifName}`)));
      const inode = netnsPaths.indexOf(netns) + 1;
      return { found: "sandbox", identity: `4:${inode}:${inode}` as NetnsIdentity, present };
    },
    unmake: (netns) => {
      namespaces.delete(netns);
      for (const key of things.keys()) if (key.startsWith(`link ${netns} `)) things.delete(key);
    },
    run: ({ type, env, stdin }, { ends, reach }) => {
      const conf = JSON.parse(stdin) as Conf;
      const {
        CNI_COMMAND: verb = "",
        CNI_CONTAINERID: container = "",
        CNI_IFNAME: ifName = "",
        CNI_NETNS: netns = "",
      } = env;
      const call: Call = { container, ifName, netns, network: conf.name, conf };
      const plugin = plugins[type];
      if (plugin === undefined || ends === "is missing") throw new PlexusError("delegate-missing", `no plugin ${type}`);
      try {
        const steps = plugin[verb as keyof Plugin](call);
        for (const step of ends === "well" ? steps : steps.slice(0, reach)) step();
      } catch (thrown) {
        if (thrown instanceof Refusal) return fails(JSON.stringify({ code: 100, msg: thrown.message }));
        throw thrown;
      }
      switch (ends) {
        case "well":
          return succeeds(verb === "ADD" ? resultOf(call) : "");
        case "refuses":
          return fails('{"code":11,"msg":"not now"}');
        case "times out":
          throw new PlexusError("delegate-timed-out", `plugin ${type} took too long`);
        case "is lost":
          throw new PlexusError("try-again-later", `plugin ${type} was stopped`);
      }
    },
  };
}
