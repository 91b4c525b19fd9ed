/** A host on which the daemon and its launcher are killed at a step of their work, and what is left on it then. */
import { setTimeout as pause } from "node:timers/promises";
import { here, type Host, makeHost } from "../host.ts";
import { BIN, type CniAnswer, makePlexus, MANIFESTS, type Plexus, podArgs, RECORDS } from "../plexus.ts";

export type Verb = "ADD" | "DEL";
/** Who is killed. */
export type Killed = "daemon" | "launcher";
export type PodName = "victim" | "neighbour";

const PLAN = "/run/crash/plan";
const STEPS = "/run/crash/steps";
const SURVIVOR = "/run/crash/survivor";
const SPOOL = "/var/lib/plexus/spool";
const REAL = "/opt/cni/real";

const HOST_PORTS: Readonly<Record<PodName, number>> = { victim: 8080, neighbour: 8081 };

/**
 * Without ipMasq: the plugin takes masquerading back only together with the link, after which it may be interrupted, and finds nothing to do
 * when it is called again. Nobody who calls it can help that.
 */
const BRIDGE = {
  type: "bridge",
  bridge: "cbr0",
  isGateway: true,
  ipam: { type: "host-local", ranges: [[{ subnet: "10.86.0.0/24" }]], routes: [{ dst: "0.0.0.0/0" }] },
};
const PORTMAP = { type: "portmap", snat: true, capabilities: { portMappings: true } };

const FLANNEL = {
  apiVersion: "k8s.cni.cncf.io/v1",
  kind: "NetworkAttachmentDefinition",
  metadata: { name: "flannel" },
  spec: { config: '{"cniVersion":"0.4.0","type":"flannel"}' },
};
const SUBNET = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.0.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";
const GATEWAYS = ["10.86.0.1", "10.244.0.1"];

/** All that a sandbox could leave: links in its namespace and out of it, rules, and whatever anybody noted down. */
const STATE = `
for netns in $(ip netns list | cut -d ' ' -f 1); do ip -n "$netns" -o link | cut -d : -f 2; done | sort | uniq
ip -o link | cut -d : -f 2
iptables-save | grep -v '^#' | sed 's/ \\[.*//'
find /var/lib/cni ${RECORDS} ${SPOOL} -type f ! -name 'last_reserved_ip.*' ! -name lock 2>/dev/null || true`;

export interface CrashSite {
  readonly plexus: Plexus;
  /** A pod with its network namespace; each one made is another sandbox. */
  makePod(pod: PodName): Promise<void>;
  removePod(pod: PodName): Promise<void>;
  cni(verb: Verb, pod: PodName): Promise<CniAnswer>;
  /** ADD, which must succeed. */
  attach(pod: PodName): Promise<void>;
  /** DEL, as often as it takes to succeed. */
  detach(pod: PodName): Promise<void>;
  /** The steps that are taken while the work is done. */
  stepsOf(title: string, work: () => Promise<unknown>): Promise<readonly string[]>;
  /** Whoever takes that step next kills. */
  arm(killed: Killed, step: string): Promise<void>;
  armed(): Promise<boolean>;
  /** Starts the daemon, and resolves when it has been killed as planned. */
  startAndDie(): Promise<void>;
  /** Resolves when the daemon has nothing more to take away of the pod. */
  resumed(pod: PodName): Promise<void>;
  /** The pod's addresses. */
  addresses(pod: PodName): Promise<readonly string[]>;
  /** To whom host-local has given the pod's addresses. */
  leaseholders(pod: PodName): Promise<readonly string[]>;
  reachGateways(pod: PodName): Promise<void>;
  /** The plugin that killed somebody, if it lives although it should have been ended. */
  survivors(): Promise<string>;
  /** What is on the host, to be compared. */
  state(): Promise<string>;
  stop(): Promise<void>;
}

export async function makeCrashSite(): Promise<CrashSite> {
  const host = await makeHost();
  const plexus = await makePlexus(withStumblingDaemon(host));
  await host.sh(`mkdir /run/crash && mv ${BIN} ${REAL} && mkdir ${BIN}`);
  await host.sh(
    `for plugin in ${REAL}/*; do ln -s ${here("test/node/crash/stumbling-plugin.sh")} ${BIN}/\${plugin##*/}; done`,
  );
  await host.write("/run/flannel/subnet.env", SUBNET);
  await host.write(`${MANIFESTS}/flannel.yaml`, JSON.stringify(FLANNEL));

  const sandboxes = new Map<PodName, string>();
  let made = 0;
  const cni = (verb: Verb, pod: PodName): Promise<CniAnswer> =>
    plexus.cni({
      verb,
      containerId: sandboxes.get(pod) ?? "",
      netns: `/run/netns/${pod}`,
      args: podArgs(pod),
      conf: confFor(pod),
    });

  async function addresses(pod: PodName): Promise<readonly string[]> {
    const links = JSON.parse(await host.sh(`ip -n ${pod} -4 -json addr show scope global`)) as readonly {
      readonly addr_info?: readonly { readonly local: string }[];
    }[];
    return links.flatMap(({ addr_info }) => addr_info ?? []).map(({ local }) => local);
  }

  return {
    plexus,
    cni,
    addresses,
    async makePod(pod) {
      sandboxes.set(pod, `${pod}-${++made}`);
      await host.write(`${MANIFESTS}/${pod}.yaml`, manifestOf(pod));
      await host.sh(`ip netns add ${pod} && ip -n ${pod} link set lo up`);
    },
    async removePod(pod) {
      await host.sh(`rm -f ${MANIFESTS}/${pod}.yaml; test ! -e /run/netns/${pod} || ip netns del ${pod}`);
    },
    async attach(pod) {
      const { status, stdout } = await cni("ADD", pod);
      if (status !== 0) throw new Error(`the ADD of the ${pod} failed: ${stdout}`);
    },
    detach: (pod) =>
      until(`the DEL of the ${pod} succeeds`, async () => {
        const { status, stdout } = await cni("DEL", pod);
        return status === 0 ? undefined : stdout;
      }),
    async stepsOf(title, work) {
      await host.sh(`rm -f ${STEPS}`);
      await host.write(PLAN, `nobody\n${title}\n`);
      await work();
      const steps = await host.sh(`rm ${PLAN} && cat ${STEPS}`);
      return steps.trimEnd().split("\n");
    },
    async arm(killed, step) {
      await host.sh(`rm -f ${SURVIVOR}`);
      await host.write(PLAN, `${killed}\n${step}\n`);
    },
    armed: async () => (await host.run(["test", "-e", PLAN])).status === 0,
    async startAndDie() {
      // It may be killed before it says that it is ready.
      await plexus.start().catch(() => undefined);
      await until("the daemon has been killed once more", async () => {
        const { status } = await host.run(["test", "-e", PLAN]);
        return status === 0 ? "it took no such step" : undefined;
      });
    },
    resumed: (pod) =>
      until("what was owed is paid", async () => {
        const left = await host.sh(`find ${RECORDS} ${SPOOL} -name '${pod}-*' 2>/dev/null || true`);
        return left === "" ? undefined : left;
      }),
    async leaseholders(pod) {
      const leases = (await addresses(pod)).map((address) => `/var/lib/cni/networks/*/${address}`);
      const holders = await host.sh(`for lease in ${leases.join(" ")}; do head -n 1 $lease | tr -d '\\r'; done`);
      return holders.trimEnd().split("\n");
    },
    async reachGateways(pod) {
      for (const gateway of GATEWAYS) await host.sh(`ip netns exec ${pod} ping -q -c 1 -W 2 ${gateway}`);
    },
    // The dead may still wait for whoever has to take note.
    survivors: () =>
      host.sh(`test ! -e ${SURVIVOR} || ps -o state=,args= -p "$(cat ${SURVIVOR})" | grep -v '^Z' || true`),
    state: () => host.sh(STATE),
    async stop() {
      await plexus.terminate();
      await host.stop();
    },
  };
}

/** The host, but every daemon on it writes down its steps and dies as planned. */
function withStumblingDaemon(host: Host): Host {
  const options = `--import=${here("test/node/crash/stumbling-daemon.ts")}`;
  return { ...host, spawn: (command, env) => host.spawn(command, { ...env, NODE_OPTIONS: options }) };
}

function manifestOf(name: PodName): string {
  const annotations = { "k8s.v1.cni.cncf.io/networks": "flannel" };
  return JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name, annotations } });
}

function confFor(pod: PodName): string {
  return JSON.stringify({
    cniVersion: "0.4.0",
    name: "plexus",
    type: "plexus",
    daemonWaitSeconds: 5,
    capabilities: { portMappings: true },
    delegates: [{ cniVersion: "0.4.0", name: "cluster", plugins: [BRIDGE, PORTMAP] }],
    runtimeConfig: { portMappings: [{ hostPort: HOST_PORTS[pod], containerPort: 80, protocol: "tcp" }] },
  });
}

const PATIENCE_MS = 15_000;

/** Asks again and again; rejects with the last obstacle when patience has ended. */
async function until(goal: string, obstacle: () => Promise<string | undefined>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const why = await obstacle();
    if (why === undefined) return;
    if (Date.now() > end) throw new Error(`waited in vain until ${goal}: ${why}`);
    await pause(20);
  }
}
