import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OneLauncher, startOneLauncher } from "../../../daemon/adapters/launcher/one-launcher.ts";
import { LAUNCHER, makeWorkbench, patient, type Workbench } from "../../adapters/launcher/workbench.ts";

const SANDBOX = `plexus-test-${randomBytes(4).toString("hex")}`;
const NETNS = `/run/netns/${SANDBOX}`;

describe.skipIf(process.getuid?.() !== 0)("a program that is run in a network namespace", () => {
  let bench: Workbench;
  let launcher: OneLauncher;

  beforeAll(async () => {
    bench = makeWorkbench();
    execFileSync("ip", ["netns", "add", SANDBOX]);
    execFileSync("ip", ["-n", SANDBOX, "link", "add", "net1", "type", "veth", "peer", "name", "net2"]);
    launcher = startOneLauncher({ binary: LAUNCHER, host: { how: "here" } });
    await launcher.ready;
    writeFileSync(join(bench.directory, "file"), "");
  });

  afterAll(async () => {
    launcher.close();
    await launcher.ended;
    execFileSync("ip", ["netns", "delete", SANDBOX]);
    await bench.clear();
  });

  const ask = (path: string, args: readonly string[], netns = NETNS) =>
    launcher.ask({ op: "run-in-netns", netns, path, args, timeoutMs: 10_000, maxOutputBytes: 4096 }, patient);

  it("sees the interfaces there", async () => {
    const { kind, code, stdout } = await ask("/bin/ip", ["-oneline", "link", "show", "net1"]);
    expect({ kind, code }).toEqual({ kind: "exited", code: 0 });
    expect(stdout.toString()).toContain("net1@net2");
  });

  it("gets its arguments as they are, an empty environment and an empty stdin", async () => {
    const script = 'printf "%s|" "$0" "$@"; cat; tr "\\0" "\\n" < /proc/$$/environ; exit 7';
    const { kind, code, stdout } = await ask("/bin/sh", ["-c", script, "a b", "", "$x"]);
    expect({ kind, code, said: stdout.toString() }).toEqual({ kind: "exited", code: 7, said: "a b||$x|" });
  });

  it("starts as plugins do: a group of its own, three open files, no signal ignored or blocked", async () => {
    const { stdout } = await ask(join(bench.plugins, "describes"), []);
    expect(JSON.parse(stdout.toString())).toMatchObject({
      directory: "/",
      leadsItsGroup: true,
      openFiles: 3,
      ignoredSignals: 0,
      blockedSignals: 0,
    });
  });

  it("leaves the launcher where it is", async () => {
    await ask("/bin/true", []);
    const netnsOf = (process: string) => readlinkSync(`/proc/${process}/ns/net`);
    expect(netnsOf(String(launcher.pid))).toBe(netnsOf("self"));
  });

  it.each([
    { why: "that is not there", netns: `${NETNS}-not`, kind: "cannot-open-netns" },
    { why: "that is another kind of namespace", netns: "/proc/self/ns/uts", kind: "not-a-netns" },
    { why: "that is the host's own", netns: "/proc/self/ns/net", kind: "host-netns" },
  ])("is not run in one $why", async ({ netns, kind }) => {
    expect(await ask("/bin/true", [], netns)).toMatchObject({ kind });
  });

  it.each([
    { why: "there is none", name: "none", kind: "no-such-plugin" },
    { why: "it is a directory", name: "plugins", kind: "no-such-plugin" },
    { why: "it has no execute permission", name: "file", kind: "cannot-execute" },
  ])("is told apart when $why", async ({ name, kind }) => {
    expect(await ask(join(bench.directory, name), [])).toMatchObject({ kind });
  });
});
