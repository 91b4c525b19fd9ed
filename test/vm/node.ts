/** A node in the guest: the card, the shipped daemon and executable, and sandboxes. */
import { makePlexus, type CniAnswer, type Plexus, podArgs } from "../node/plexus.ts";
import { here, type Host } from "../node/host.ts";
import { until } from "../cluster/until.ts";
import { groupDirectory } from "../real/parts.ts";
import { type Card, makeCard } from "./card.ts";
import { makeGuest } from "./guest.ts";

const BIN = "/opt/cni/bin";
const SPOOL = "/var/lib/plexus/spool";

/**
 * Which executable is the node's plugin of type sriov: sriov-cni's own of version 2.1.0, or
 * test/vm/plugins/sriov.sh.
 */
type Sriov = "sriov-cni" | "stand-in";

interface NodeOptions {
  readonly sriov: Sriov;
  /** The network config that the runtime gives. */
  readonly conf: string;
  /** For the daemon. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

interface Address {
  readonly family: string;
  readonly local: string;
  readonly prefixlen: number;
}

/** What `ip -json -details address` says of an interface. */
export interface PodLink {
  readonly ifname: string;
  readonly mtu: number;
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: Readonly<Record<string, unknown>> };
  readonly master?: string;
  readonly addr_info: readonly Address[];
}

export interface VmNode {
  readonly guest: Host;
  readonly card: Card;
  readonly plexus: Plexus;
  /**
   * Attaches a sandbox for the pod. The sandbox's name is that of its namespace, its container id
   * `cid-<name>`.
   */
  add(pod: string, sandbox?: string): Promise<CniAnswer>;
  del(pod: string, sandbox?: string): Promise<CniAnswer>;
  makeSandbox(name: string): Promise<void>;
  /** Removes the namespace, as a runtime does after DEL. */
  removeSandbox(name: string): Promise<void>;
  /** The sandbox's interfaces but lo, in the order of their making. */
  links(sandbox: string): Promise<readonly PodLink[]>;
  /**
   * Its IPv4 addresses by interface, with prefix length; undefined for an interface without one.
   */
  addresses(sandbox: string): Promise<Readonly<Record<string, string | undefined>>>;
  /**
   * Waits until a ping from the sandbox is answered. A virtual function has no carrier for some
   * seconds.
   */
  untilReached(sandbox: string, address: string, options?: readonly string[]): Promise<void>;
  /** Waits until the DELs that the executable noted down are done. */
  untilDrained(): Promise<void>;
  stop(): Promise<void>;
}

export async function makeNode({ sriov, conf, settings = {} }: NodeOptions): Promise<VmNode> {
  const guest = await makeGuest();
  const card = await makeCard(guest);
  const plexus = await makePlexus(guest, { podWaitMs: 5000, ...settings });
  for (const group of ["cni-plugins", "sriov-cni"] as const)
    await guest.sh(`ln -sf ${groupDirectory(group)}/bin/* ${BIN}/`);
  if (sriov === "stand-in") await guest.sh(`ln -sf ${here("test/vm/plugins/sriov.sh")} ${BIN}/sriov`);
  const call = (verb: string, pod: string, sandbox: string): Promise<CniAnswer> =>
    plexus.cni({
      verb,
      containerId: `cid-${sandbox}`,
      netns: `/run/netns/${sandbox}`,
      args: podArgs(pod, "default", `uid-${pod}`),
      conf,
    });

  const node: VmNode = {
    guest,
    card,
    plexus,
    add: (pod, sandbox = pod) => call("ADD", pod, sandbox),
    del: (pod, sandbox = pod) => call("DEL", pod, sandbox),
    makeSandbox: async (name) => {
      await guest.sh(`ip netns add ${name} && ip -n ${name} link set lo up`);
    },
    removeSandbox: async (name) => {
      await guest.sh(`ip netns delete ${name}`);
    },
    async links(sandbox) {
      const links = JSON.parse(await guest.sh(`ip -n ${sandbox} -json -details address`)) as readonly PodLink[];
      return links.filter(({ ifname }) => ifname !== "lo");
    },
    async addresses(sandbox) {
      const links = await node.links(sandbox);
      return Object.fromEntries(
        links.map(({ ifname, addr_info }) => {
          const inet = addr_info.find(({ family }) => family === "inet");
          return [ifname, inet && `${inet.local}/${inet.prefixlen}`];
        }),
      );
    },
    untilReached: async (sandbox, address, options = []) => {
      const ping = ["ip", "netns", "exec", sandbox, "ping", "-c", "1", "-W", "2", ...options, address];
      const isAnswered = async (): Promise<true | undefined> =>
        (await guest.run(ping)).status === 0 ? true : undefined;
      await until(`${sandbox} reaches ${address}`, isAnswered, { withinMs: 60_000 });
    },
    untilDrained: async () => {
      await until("an empty spool", async () =>
        (await guest.sh(`find ${SPOOL} -type f ! -name '.*'`)) === "" ? true : undefined,
      );
    },
    stop: async () => {
      await plexus.terminate();
      await guest.stop();
      await card.untilWhole();
    },
  };
  return node;
}
