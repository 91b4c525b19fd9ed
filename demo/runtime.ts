/** Does for the pod what containerd or CRI-O would do: runs the `plexus` executable with CNI's environment and the node's config. */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { NETNS, POD, PORT_MAPPING } from "./pod.ts";

/** As kubelet has it from the pod's hostPorts and its bandwidth annotations; rates in bits per second, bursts in bits. */
const CAPABILITY_ARGS: Readonly<Record<string, unknown>> = {
  portMappings: [PORT_MAPPING],
  bandwidth: {
    ingressRate: 10_000_000,
    ingressBurst: 2_147_483_647,
    egressRate: 10_000_000,
    egressBurst: 2_147_483_647,
  },
};

/** Longer than the daemon takes for anything here; kubelet allows four minutes. */
const deadlineMs = 30_000;

export interface Runtime {
  readonly sandboxId: string;
  /** Resolves with what the executable printed and how long it ran. Fails with the CNI error that it printed. */
  call(verb: "ADD" | "DEL"): Promise<{ readonly printed: string; readonly ms: number }>;
}

export async function makeRuntime(root: string): Promise<Runtime> {
  const conf = renderConf(await readFile(join(root, "demo/00-plexus.conf"), "utf8"));
  const sandboxId = randomBytes(32).toString("hex");
  const environment = {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    CNI_CONTAINERID: sandboxId,
    CNI_NETNS: NETNS,
    CNI_IFNAME: "eth0",
    CNI_ARGS: [
      "IgnoreUnknown=1",
      `K8S_POD_NAMESPACE=${POD.namespace}`,
      `K8S_POD_NAME=${POD.name}`,
      `K8S_POD_INFRA_CONTAINER_ID=${sandboxId}`,
      `K8S_POD_UID=${randomUUID()}`,
    ].join(";"),
    CNI_PATH: "/usr/lib/cni",
  };

  return {
    sandboxId,
    async call(verb) {
      const began = performance.now();
      const child = spawn(join(root, "dist/plexus"), {
        env: { ...environment, CNI_COMMAND: verb },
        timeout: deadlineMs,
        killSignal: "SIGKILL",
      });
      // It may end without having read everything; what matters is what it says then.
      child.stdin.on("error", () => undefined).end(conf);
      const exit = once(child, "exit");
      const [printed, complaint] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
      const ms = performance.now() - began;
      const { exitCode, signalCode } = child;
      if (exitCode === 0) return { printed, ms };
      throw new Error(`${verb} failed (${signalCode ?? `exit ${exitCode}`}): ${printed.trim()} ${complaint.trim()}`);
    },
  };
}

/** What libcni makes of a config file: it swaps the capabilities for the arguments that belong to them. */
function renderConf(file: string): string {
  const { capabilities = {}, ...conf } = JSON.parse(file) as {
    readonly capabilities?: Readonly<Record<string, boolean>>;
  };
  const wanted = Object.entries(CAPABILITY_ARGS).filter(([name]) => capabilities[name] === true);
  return JSON.stringify({ ...conf, runtimeConfig: Object.fromEntries(wanted) });
}
