/** The installer and the uninstaller as the DaemonSets run them, around a real daemon that has a pod attached. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { here, type Host, makeHost } from "../host.ts";
import { type CniCall, makePlexus, MANIFESTS, podArgs } from "../plexus.ts";

const PROGRAM = here("dist/plexus-daemon");
const BIN = "/mnt/host/bin";
const CONFIG = "/etc/plexus/daemon.json";
const SETTINGS = JSON.stringify({ manifestDir: MANIFESTS, multusConfigFile: "auto" });
const POD = { apiVersion: "v1", kind: "Pod", metadata: { name: "web" } };
const PODS = {
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [{ type: "bridge", bridge: "cni0", ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/24" }]] } }],
};
const CONF = JSON.stringify({ cniVersion: "1.0.0", name: "plexus", type: "plexus", delegates: [PODS] });
const LEFT = `
find /etc/cni/net.d /run/plexus /var/lib/plexus ${BIN} -mindepth 1 2>/dev/null | sort
ip -n pod -brief link | grep -v '^lo' || true
find /var/lib/cni -name '10.88.*'`;

describe.skipIf(process.getuid?.() !== 0)("a node that Plexus comes to, and leaves again", () => {
  let host: Host;
  let running: ChildProcess[];
  const env = { NODE: process.execPath };

  beforeEach(async () => {
    running = [];
    host = await makeHost();
    await makePlexus(host);
    await host.sh(`ip netns add pod && mkdir -p ${BIN} && printf multus >${BIN}/multus-shim`);
    await host.write("/etc/cni/net.d/10-pods.conflist", JSON.stringify(PODS));
    await host.write(`${MANIFESTS}/web.yaml`, JSON.stringify(POD));
    await host.write(CONFIG, SETTINGS);
  });
  afterEach(async () => {
    for (const child of running.filter(({ exitCode }) => exitCode === null)) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await host.stop();
  });

  /** Starts a program, and resolves with all that it has printed until now, again and again. */
  function start(...args: readonly string[]): { readonly child: ChildProcess; readonly printed: () => string } {
    const child = host.spawn([PROGRAM, ...args], env);
    running.push(child);
    let printed = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    return { child, printed: () => printed };
  }

  /** Runs the executable that was installed. */
  async function cni(verb: CniCall["verb"]): Promise<number | null> {
    const variables = {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: "sandbox1",
      CNI_NETNS: "/run/netns/pod",
      CNI_IFNAME: "eth0",
      CNI_ARGS: podArgs("web"),
      CNI_PATH: "/opt/cni/bin",
    };
    return (await host.run([`${BIN}/plexus`], { env: variables, stdin: CONF })).status;
  }

  it(
    "is as it was before: programs, network configs, records, and nothing of the pod",
    { timeout: 60_000 },
    async () => {
      const before = await host.sh(LEFT);
      const installed = await host.run([PROGRAM, "install", "--to", BIN, "--as", "multus-shim"], { env });
      expect(installed).toMatchObject({ status: 0, stderr: "" });

      const daemon = start("--config", CONFIG);
      await expect.poll(() => host.sh("ls /etc/cni/net.d"), { timeout: 10_000 }).toContain("00-plexus.conf");
      expect(await cni("ADD")).toBe(0);
      const refused = await host.run([PROGRAM, "uninstall", "--from", BIN, "--config", CONFIG], { env });
      expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("is running on this node") });

      // The DaemonSets are not coordinated: the uninstaller is there while the daemon is about to end.
      const first = start("uninstall", "--wait", "--from", BIN, "--config", CONFIG);
      daemon.child.kill("SIGTERM");
      await expect.poll(first.printed, { timeout: 10_000 }).toContain("still attached: default/web");
      expect(await host.sh("ls /etc/cni/net.d")).not.toContain("00-plexus.conf");
      first.child.kill("SIGTERM");
      await once(first.child, "exit");
      expect(first.printed()).toContain("told to stop by SIGTERM before the node was idle");

      // Nobody listens now: the DEL waits on disk, and counts as attached.
      expect(await cni("DEL")).toBe(0);
      const early = await host.run([PROGRAM, "uninstall", "--from", BIN, "--config", CONFIG], { env });
      expect(early.stderr).toContain("still attached: default/web, DEL of sandbox sandbox1@eth0");

      const second = start("uninstall", "--wait", "--from", BIN, "--config", CONFIG);
      await once(second.child, "exit");
      expect(second.printed()).toContain("nothing of Plexus is left on this node");
      expect(second.child.exitCode).toBe(0);
      expect(await host.sh(LEFT)).toBe(before);
    },
  );
});
