/** The pod: a network namespace, as a container runtime makes one, and the program of its only container. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { run } from "./run.ts";

export const POD = { namespace: "default", name: "samplepod" } as const;
export const NETNS = `/run/netns/${POD.name}`;

/** What the manifest says of the container's port. */
export const PORT_MAPPING = { hostPort: 8080, containerPort: 80, protocol: "tcp" } as const;

const PROGRAM = `require("node:net")
  .createServer((socket) => socket.end("hello from ${POD.name}"))
  .listen(${PORT_MAPPING.containerPort}, () => console.log("listening"));`;

const deadlineMs = 5_000;

export interface PodLink {
  readonly name: string;
  readonly mtu: number;
  readonly addresses: readonly string[];
}

export async function makeNetns(): Promise<void> {
  await run("ip", "netns", "add", POD.name);
}

export async function removeNetns(): Promise<void> {
  await run("ip", "netns", "delete", POD.name);
}

/** Its links but the loopback. */
export async function podLinks(): Promise<readonly PodLink[]> {
  // The part of iproute2's output that is read here.
  const links = JSON.parse(await run("ip", "-json", "-netns", POD.name, "address")) as readonly {
    readonly ifname: string;
    readonly mtu: number;
    readonly addr_info: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
  }[];
  return links
    .filter(({ ifname }) => ifname !== "lo")
    .map(({ ifname, mtu, addr_info }) => ({
      name: ifname,
      mtu,
      addresses: addr_info.filter(({ family }) => family === "inet").map((at) => `${at.local}/${at.prefixlen}`),
    }));
}

/** Resolves with the time that the answer took, in milliseconds as ping prints it. */
export async function ping(address: string, link: string): Promise<string> {
  const out = await run("ip", "netns", "exec", POD.name, "ping", "-n", "-c", "1", "-W", "3", "-I", link, address);
  return /time=(\S+) ms/.exec(out)?.[1] ?? "?";
}

/** Starts the container. Resolves when its server listens. */
export async function startContainer(): Promise<ChildProcess> {
  const child = spawn("ip", ["netns", "exec", POD.name, process.execPath, "-e", PROGRAM], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data", { signal: AbortSignal.timeout(deadlineMs) });
  return child;
}

export async function stopContainer(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit", { signal: AbortSignal.timeout(deadlineMs) });
  child.kill("SIGKILL");
  await ended;
}

/** What a client of the address and port is told. */
export async function ask(host: string, port: number): Promise<string> {
  const socket = connect({ host, port, timeout: deadlineMs });
  socket.once("timeout", () => socket.destroy(new Error(`no answer from ${host}:${port}`)));
  const said = await socket.setEncoding("utf8").toArray();
  return said.join("");
}
