import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const demoDirectory = join(import.meta.dirname, "../../../demo");

/** What the demo, of all programs, could leave behind on this machine. */
function host(): object {
  const tool = (name: string, ...args: readonly string[]): string => execFileSync(name, args, { encoding: "utf8" });
  return {
    links: tool("ip", "-brief", "link"),
    addresses: tool("ip", "-brief", "address"),
    routes: tool("ip", "route", "show", "table", "all"),
    namespaces: tool("ip", "netns", "list"),
    firewall: tool("iptables-save").replaceAll(/^#.*\n|\[\d+:\d+\]/gm, ""),
    forwarding: readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8"),
    mounts: readFileSync("/proc/mounts", "utf8"),
    processes: tool("ps", "-e", "-o", "stat=,args=")
      .split("\n")
      .filter((line) => !line.startsWith("Z") && line.includes(join(demoDirectory, "story.ts"))),
  };
}

interface Ending {
  readonly status: number | null;
  readonly output: string;
}

/** Runs the demo. With `interrupt`, sends it the signal as soon as it has printed the text. */
async function demo(interrupt?: { readonly after: string; readonly signal: NodeJS.Signals }): Promise<Ending> {
  const child = spawn(process.execPath, [join(demoDirectory, "main.ts")], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let signal = interrupt?.signal;
  const take = (chunk: string): void => {
    output += chunk;
    if (interrupt === undefined || signal === undefined || !output.includes(interrupt.after)) return;
    child.kill(signal);
    signal = undefined;
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  await once(child, "close");
  return { status: child.exitCode, output };
}

describe.skipIf(process.getuid?.() !== 0)("the demo", () => {
  it("attaches a pod to two networks and takes everything away again", async () => {
    const before = host();
    const { status, output } = await demo();
    for (const phrase of [
      "k8s.v1.cni.cncf.io/networks: default/flannel-conf",
      /ok {2}eth0 {2}cluster-net +bridge +[\d.]+ ms/,
      /ok {2}eth0 {2}cluster-net +portmap +[\d.]+ ms/,
      /ok {2}eth0 {2}cluster-net +bandwidth +[\d.]+ ms/,
      /ok {2}net1 {2}default\/flannel-conf +flannel +[\d.]+ ms/,
      /eth0 {2}10\.88\.0\.2\/24 +mtu 1500/,
      /net1 {2}10\.244\.0\.2\/24 +mtu 1450/,
      "ok  ping 10.88.0.1 over eth0",
      "ok  ping 10.244.0.1 over net1",
      '"hello from samplepod"',
      '"name": "default/flannel-conf"',
      "kill -9 of the daemon",
      /firewall chains and rules of the pod +[1-9]\d* -> 0/,
      /addresses in host-local's ledgers +2 -> 0/,
      "everything worked",
    ]) {
      expect(output).toMatch(phrase);
    }
    expect(status, output).toBe(0);
    expect(host()).toEqual(before);
  });

  it.each([
    {
      why: "ends in order on SIGTERM when the daemon has just started",
      after: "Node ",
      signal: "SIGTERM",
      status: 143,
    },
    { why: "ends in order on SIGINT while both networks are up", after: "over net1", signal: "SIGINT", status: 130 },
  ] as const)("$why", async ({ status, ...interrupt }) => {
    const before = host();
    const ending = await demo(interrupt);
    expect(ending.status, ending.output).toBe(status);
    expect(ending.output).toContain("interrupted; nothing is left of it");
    expect(ending.output).not.toContain("everything worked");
    expect(host()).toEqual(before);
  });

  it("leaves nothing even when it is killed outright", async () => {
    const before = host();
    await demo({ after: "over net1", signal: "SIGKILL" });
    await expect.poll(host, { timeout: 10_000 }).toEqual(before);
  });
});
