/** Looks for whatever an attached sandbox leaves on a node. Nothing else has ever run on this one, so all that is found is the sandbox's. */
import { readdir } from "node:fs/promises";
import { isIP } from "node:net";
import { podLinks } from "./pod.ts";
import { run } from "./run.ts";

export interface Trace {
  readonly what: string;
  readonly found: readonly string[];
}

export async function traces(sandboxId: string): Promise<readonly Trace[]> {
  return [
    { what: "interfaces in the pod besides lo", found: (await podLinks()).map(({ name }) => name) },
    { what: "their other ends on the node", found: await linksOfType("veth") },
    { what: "bandwidth devices (ifb)", found: await linksOfType("ifb") },
    {
      what: "addresses in host-local's ledgers",
      found: await filesUnder("/var/lib/cni/networks", (name) => isIP(name) > 0),
    },
    { what: "firewall chains and rules of the pod", found: await firewallLines(sandboxId) },
    { what: "scratch files of flannel", found: await filesUnder("/var/lib/cni/flannel") },
    { what: "files of the daemon (record, status)", found: await filesUnder("/var/lib/plexus", isOfPod) },
  ];
}

/** The lock of the only daemon stays. */
function isOfPod(name: string): boolean {
  return name !== "daemon.lock";
}

/** What plugins make for all pods of a node, and leave there when the last one goes. */
export async function sharedThings(): Promise<readonly string[]> {
  const saved = await run("iptables-save");
  const chains = [...saved.matchAll(/^:(CNI-HOSTPORT-\S+)/gm)].map(([, name]) => name ?? "");
  return [...(await linksOfType("bridge")), ...chains];
}

async function linksOfType(type: string): Promise<readonly string[]> {
  // The part of iproute2's output that is read here. It prints an empty object for a link of another type.
  const links = JSON.parse(await run("ip", "-json", "link", "show", "type", type)) as readonly {
    readonly ifname?: string;
  }[];
  return links.flatMap(({ ifname }) => ifname ?? []);
}

/** portmap's base chains CNI-HOSTPORT-* are shared; all other chains that plugins make are a sandbox's own. */
async function firewallLines(sandboxId: string): Promise<readonly string[]> {
  const lines = (await run("iptables-save")).split("\n");
  return lines.filter((line) => line.includes(sandboxId) || /[: ]CNI-(?!HOSTPORT-)/.test(line));
}

async function filesUnder(
  directory: string,
  counts: (name: string) => boolean = () => true,
): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile() && counts(entry.name)).map(({ name }) => name);
}
