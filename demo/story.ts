/** The demo proper. Runs as the first process of the namespaces that demo/main.ts makes: when it ends, all that is in them ends too. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { type Daemon, type OperationLine, startDaemon, writeConfig } from "./daemon.ts";
import { getSandbox, type Sandbox } from "./inspector.ts";
import {
  ask,
  makeNetns,
  NETNS,
  ping,
  POD,
  podLinks,
  PORT_MAPPING,
  removeNetns,
  startContainer,
  stopContainer,
} from "./pod.ts";
import { makeRuntime, type Runtime } from "./runtime.ts";
import { NODE_ADDRESS, otherProcesses, setStage } from "./stage.ts";
import { bad, begin, faint, good, say, sayJson, strong } from "./tell.ts";
import { sharedThings, type Trace, traces } from "./traces.ts";

const ROOT = join(import.meta.dirname, "..");
const NETWORKS = "k8s.v1.cni.cncf.io/networks";

async function story(): Promise<void> {
  const began = performance.now();
  await setStage(ROOT);
  await writeConfig(ROOT);
  const daemon = await startDaemon(ROOT);
  begin("Node", "network, mount and process namespaces of the demo's own; this machine stays as it is");
  say(`plexus-daemon ready in ${daemon.startMs} ms`);
  await tellThePod();

  await makeNetns();
  const runtime = await makeRuntime(ROOT);
  await add(runtime, daemon);
  const sandbox = await getSandbox(ROOT, runtime.sandboxId);
  await lookInside(sandbox);
  begin("Status", `plexus.v1.Inspector/GetSandbox gives the annotation ${strong("k8s.v1.cni.cncf.io/network-status")}`);
  sayJson(JSON.parse(sandbox.networkStatus), 2);
  const before = await traces(runtime.sandboxId);

  await daemon.kill();
  const successor = await startDaemon(ROOT);
  begin("Crash", `kill -9 of the daemon, and a new one, ready in ${successor.startMs} ms: it has only what is on disk`);
  await del(runtime, successor);
  await proveNothingIsLeft(runtime, before);
  await removeNetns();
  await successor.stop();
  const processes = await otherProcesses();
  if (processes.length > 0) throw new Error(`still running: ${processes.join(", ")}`);
  good("processes: the daemon ended when told to, and nobody outlived it");
  begin("Done", `everything worked, in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

async function tellThePod(): Promise<void> {
  const manifest = (name: string): Promise<string> => readFile(join(ROOT, "demo/manifests", name), "utf8");
  // Of our own writing.
  const pod = parse(await manifest("samplepod.yaml")) as {
    readonly metadata: { readonly annotations: { readonly [NETWORKS]: string } };
  };
  const config = /config: '(.*)'/s.exec(await manifest("flannel-conf.yaml"))?.[1] ?? "";
  begin("Pod", `${POD.namespace}/${POD.name} wants a second network:`);
  say(strong(`${NETWORKS}: ${pod.metadata.annotations[NETWORKS]}`));
  say("which is the NetworkAttachmentDefinition");
  say(faint(config.replaceAll(/\s+/g, " ")));
}

async function add(runtime: Runtime, daemon: Daemon): Promise<void> {
  begin("ADD", `the runtime calls plexus for sandbox ${runtime.sandboxId.slice(0, 12)}, namespace ${NETNS}`);
  const { printed, ms } = await runtime.call("ADD");
  tellRuns(await daemon.operation("ADD"), ms);
  const { cniVersion, ips } = JSON.parse(printed) as {
    readonly cniVersion: string;
    readonly ips: readonly { readonly address: string; readonly gateway: string }[];
  };
  const addresses = ips.map(({ address, gateway }) => `${address} by way of ${gateway}`).join(", ");
  say(`and gets, as CNI result ${cniVersion}: ${strong(addresses)}`);
}

/** The daemon's time includes what it does around the plugins; the runtime's, also the executable and the way to the daemon. */
function tellRuns(line: OperationLine, runtimeMs: number): void {
  for (const { ifName, network, plugin, ok, ms } of line.plugins) {
    const tell = ok ? good : bad;
    tell(`${ifName}  ${network.padEnd(22)}${plugin.padEnd(12)}${ms.toFixed(1).padStart(6)} ms`);
  }
  const plugins = line.plugins.reduce((sum, { ms }) => sum + ms, 0);
  const parts = `plugins ${plugins.toFixed(1)}, daemon ${(line.ms - plugins).toFixed(1)}, executable and socket ${(runtimeMs - line.ms).toFixed(1)}`;
  say(`${strong(`${runtimeMs.toFixed(1)} ms`)} for the runtime ${faint(`(${parts})`)}`);
}

async function lookInside(sandbox: Sandbox): Promise<void> {
  begin("Inside", "the pod's network namespace");
  for (const { name, mtu, addresses } of await podLinks())
    say(`${name}  ${addresses.join(", ").padEnd(18)} mtu ${mtu}`);
  for (const { ifname, network, result } of sandbox.attachments) {
    const { ips } = JSON.parse(result) as { readonly ips: readonly { readonly gateway: string }[] };
    for (const { gateway } of ips)
      good(`ping ${gateway} over ${ifname} (${network}): ${await ping(gateway, ifname)} ms`);
  }
  const { hostPort, containerPort } = PORT_MAPPING;
  const container = await startContainer();
  good(
    `connect to ${NODE_ADDRESS}:${hostPort}, the pod's port ${containerPort}: "${await ask(NODE_ADDRESS, hostPort)}"`,
  );
  await stopContainer(container);
}

async function del(runtime: Runtime, daemon: Daemon): Promise<void> {
  begin("DEL", "the runtime calls plexus again; the last plugin that was added goes first");
  const { ms } = await runtime.call("DEL");
  tellRuns(await daemon.operation("DEL"), ms);
}

/** A look that would have found nothing before DEL either would prove nothing. */
async function proveNothingIsLeft(runtime: Runtime, before: readonly Trace[]): Promise<void> {
  begin("Nothing", "of the pod is left. Found before and after DEL:");
  const after = await traces(runtime.sandboxId);
  const wrong: string[] = [];
  for (const [index, { what, found }] of after.entries()) {
    const earlier = before[index]?.found ?? [];
    const row = `${what.padEnd(40)}${earlier.length} -> ${found.length}`;
    if (earlier.length > 0 && found.length === 0) good(row);
    else {
      bad(row);
      wrong.push(earlier.length === 0 ? `${what}: none even before DEL` : `${what}: ${found.join(", ")}`);
    }
  }
  say(faint("what pods share is left for the next one, by design of the plugins, and goes with the demo's node:"));
  say(faint((await sharedThings()).join(", ")));
  if (wrong.length > 0) throw new Error(`something is left, or was never there\n${wrong.join("\n")}`);
}

// demo/main.ts hangs up when it is told to stop, and so does the kernel for it if it is killed.
process.once("disconnect", () => process.exit(1));
if (process.channel === undefined) process.exit(1);
// Nobody reads on, as in `npm run demo | head`.
process.stdout.once("error", () => process.exit(1));

story().then(
  () => process.exit(0),
  (thrown: unknown) => {
    begin("FAILED", thrown instanceof Error ? thrown.message : String(thrown));
    process.exit(1);
  },
);
