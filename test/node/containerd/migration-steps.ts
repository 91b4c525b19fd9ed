/** What each step of docs/migrate.md comes to on a node. Most of what kubectl is told there changes nothing but the pods of DaemonSets. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { expect } from "vitest";
import { here } from "../host.ts";
import { BIN, MANIFESTS } from "../plexus.ts";
import { type Multus, NET_D } from "./multus-node.ts";
import type { Node } from "./node.ts";

export interface Site {
  readonly node: Node;
  readonly multus: Multus;
  /** The daemon's settings, and other files of its ConfigMap, by name. */
  readonly configMap: Readonly<Record<string, object>>;
  /** What the DaemonSet's installer is told besides. */
  readonly installAs: readonly string[];
  /** A pod comes, has all of its networks, and goes. */
  comeAndGo(pod: string): Promise<void>;
  /** A pod that Plexus attached, by name, and its sandbox. */
  ours: { readonly pod: string; readonly sandbox: string };
  /** The uninstaller's pod, once it is there. */
  uninstaller: Uninstaller | undefined;
}

interface Uninstaller {
  readonly child: ChildProcess;
  /** Until now. */
  readonly printed: () => string;
}

export interface Step {
  /** As in the guide. */
  readonly title: string;
  /** Whose pods are those that start from then on. */
  readonly then: "Multus" | "Plexus";
  /** Undefined where nothing changes on the node. */
  readonly act?: (site: Site) => Promise<void>;
}

const OURS = `${NET_D}/00-a-plexus.json`;
const PROGRAM = here("dist/plexus-daemon");
const SETTINGS = "/etc/plexus/daemon.json";
const SOON = { timeout: 20_000 };

/** The DaemonSet's first container. */
async function install({ node, installAs }: Site): Promise<void> {
  const command = [PROGRAM, "install", "--to", BIN, ...installAs.flatMap((name) => ["--as", name])];
  expect(await node.host.run(command, { env: { NODE: process.execPath } })).toMatchObject({ status: 0, stderr: "" });
}

/** The first container of the uninstaller's DaemonSet. */
function startUninstaller(site: Site): Uninstaller {
  const child = site.node.host.spawn([PROGRAM, "uninstall", "--wait", "--from", BIN, "--config", SETTINGS], {
    NODE: process.execPath,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  site.uninstaller = { child, printed: () => text };
  return site.uninstaller;
}

export async function stopUninstaller({ uninstaller }: Pick<Site, "uninstaller">): Promise<void> {
  if (uninstaller?.child.kill() === true) await once(uninstaller.child, "exit");
}

export const TO_PLEXUS: readonly Step[] = [
  { title: "Keep Plexus off all nodes", then: "Multus" },
  {
    title: "Apply Plexus",
    then: "Multus",
    async act({ node, configMap }) {
      for (const [name, content] of Object.entries(configMap))
        await node.host.write(`/etc/plexus/${name}`, JSON.stringify(content));
    },
  },
  {
    title: "Let Plexus onto a node",
    then: "Plexus",
    async act(site) {
      await install(site);
      const between = site.comeAndGo("between");
      await site.node.plexus.start();
      await between;
    },
  },
  {
    title: "See that it took over",
    then: "Plexus",
    async act({ multus }) {
      // A Multus that restarts takes the same default network as before.
      const before = await multus.conf();
      await multus.stop();
      await multus.start();
      expect(await multus.conf()).toBe(before);
    },
  },
  {
    title: "Take Multus away",
    then: "Plexus",
    async act(site) {
      await site.multus.stop();
      await install(site);
    },
  },
  {
    title: "Remove what it left",
    then: "Plexus",
    async act({ node }) {
      await node.host.sh(`cd ${NET_D}; rm -f 00-multus.conf 00-multus.conflist; rm -rf multus.d`);
    },
  },
];

export const BACK: readonly Step[] = [
  { title: "Put Multus beside Plexus", then: "Plexus", act: ({ multus }) => multus.start() },
  { title: "Apply the uninstaller", then: "Plexus" },
  {
    title: "Give a node back",
    then: "Multus",
    async act(site) {
      await site.node.plexus.terminate();
      const between = site.comeAndGo("between");
      const { printed } = startUninstaller(site);
      await between;
      await expect.poll(printed, SOON).toContain(`${OURS} removed`);
    },
  },
  {
    title: "Wait for the last pod of Plexus'",
    then: "Multus",
    async act(site) {
      const { node, ours, uninstaller } = site;
      await expect.poll(() => uninstaller?.printed(), SOON).toContain(`default/${ours.pod}`);
      await node.remove(ours.sandbox);
      await node.host.sh(`rm ${MANIFESTS}/${ours.pod}.json`);
      // Half a minute may pass before it looks again. It looks when it starts.
      await stopUninstaller(site);
      const { printed } = startUninstaller(site);
      // What it does then: test/node/install/install.test.ts.
      await expect.poll(printed, SOON).toContain("nothing is attached");
    },
  },
  { title: "Take Plexus away", then: "Multus" },
];

export const AT_ONCE: readonly Step[] = [
  { title: "Stop the kubelet", then: "Plexus" },
  {
    title: "Stop the daemon",
    then: "Plexus",
    async act({ node }) {
      expect(await node.host.sh("ls /var/lib/plexus/spool")).toBe("");
      await node.plexus.terminate();
    },
  },
  {
    title: "Hand over its records",
    then: "Plexus",
    async act({ node, multus }) {
      const command = [PROGRAM, "--config", SETTINGS, "--export-multus"];
      expect(await node.host.run(command, { env: { NODE: process.execPath } })).toMatchObject({
        status: 0,
        stdout: `1 sandboxes noted down in ${multus.notes}\n`,
      });
    },
  },
  {
    title: "Remove its conf",
    then: "Multus",
    async act({ node }) {
      await node.host.sh(`rm ${OURS}`);
    },
  },
  { title: "Start the kubelet", then: "Multus" },
  {
    title: "Remove its records",
    then: "Multus",
    async act({ node }) {
      await node.host.sh("rm -r /var/lib/plexus");
    },
  },
];
