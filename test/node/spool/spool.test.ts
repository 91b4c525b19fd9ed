import { onTestFinished, afterAll, beforeAll, describe, expect, it } from "vitest";
import { readBootId } from "../../../daemon/adapters/launcher/boot-id.ts";
import { openSpool } from "../../../daemon/adapters/spool/spool-directory.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { here, makeHost, type Host } from "../host.ts";

/** The shipped executable without a daemon: what it leaves, and disks that do not take it. */
describe.skipIf(process.getuid?.() !== 0)("as root", () => {
  let host: Host;
  beforeAll(async () => {
    host = await makeHost();
  });
  afterAll(() => host.stop());

  async function del(daemonSpoolDir: string, padding = "", env: Readonly<Record<string, string>> = {}) {
    const conf = { cniVersion: "1.1.0", name: "n", daemonSocketDir: "/run/nobody", daemonSpoolDir, padding };
    const given = { CNI_COMMAND: "DEL", CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0", CNI_PATH: "/opt/cni/bin" };
    return host.run([here("dist/plexus")], { env: { ...given, ...env }, stdin: JSON.stringify(conf) });
  }

  const refusal = (directory: string, reason: string) => ({
    status: 1,
    stdout: expect.stringMatching(
      `"code": 11,\\s+"msg": "DEL: the Plexus daemon is not running on this node, and the DEL cannot be left in ${directory}: ${reason}`,
    ),
  });

  it("the daemon reads what the executable left", async () => {
    const directory = await temporaryDirectory();
    const before = Date.now();
    expect(await del(directory, "", { CNI_NETNS: "/run/netns/ü", CNI_NETNS_OVERRIDE: "1" })).toMatchObject({
      status: 0,
    });
    const problems: string[] = [];
    const spool = await openSpool({
      directory,
      onProblem: (message) => problems.push(message),
      bootId: readBootId(),
      unmount: () => Promise.resolve(),
    });
    onTestFinished(() => spool.close());
    const [entry, ...others] = await spool.entries();
    expect(entry).toMatchObject({ containerId: "c1", ifName: "eth0", netns: "/run/netns/ü", netnsOverride: "1" });
    expect(entry?.at).toBeGreaterThanOrEqual(before);
    expect([others, problems]).toEqual([[], []]);
    await spool.remove(entry?.id ?? "");
    expect(await spool.entries()).toEqual([]);
  });

  it("leaves it in /var/lib/plexus/spool unless told otherwise", async () => {
    expect(await del("")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(await host.sh("ls -A /var/lib/plexus/spool")).toBe("c1@eth0.json\n");
  });

  const kept = "/var/lib/plexus/spool/c2@eth0.netns";

  it("keeps the network namespace alive after the runtime removed it, and says which it is", async () => {
    await host.sh("ip netns add gone && ip -n gone link add left type veth peer name right");
    const identity = (await host.sh("stat -L -c %d:%i /run/netns/gone")).trim();
    const env = { CNI_CONTAINERID: "c2", CNI_NETNS: "/run/netns/gone" };
    expect(await del("", "", env)).toMatchObject({ status: 0, stdout: "", stderr: "" });
    await host.sh("ip netns delete gone");
    expect(await host.sh(`nsenter --net=${kept} ip -o link show left`)).toContain("left");
    const entry = JSON.parse(await host.sh("cat /var/lib/plexus/spool/c2@eth0.json")) as Record<string, unknown>;
    expect(entry).toMatchObject({
      netnsIdentity: expect.stringMatching(`^${identity}:[0-9]+$`),
      netnsKept: true,
      bootId: readBootId(),
    });
    expect(await del("", "", env)).toMatchObject({ status: 0 });
    expect(await host.sh(`nsenter --net=${kept} ip -o link show left`)).toContain("left");
    expect(await host.sh(`grep -c c2@eth0.netns /proc/self/mountinfo`)).toBe("1\n");
  });

  it.each([
    { why: "a file that is no namespace", path: "/etc/hostname" },
    { why: "the host's own namespace", path: "/proc/self/ns/net" },
    { why: "a namespace of another type", path: "/proc/self/ns/mnt" },
  ])("mounts nothing for $why", async ({ path }) => {
    expect(await del("", "", { CNI_CONTAINERID: "c3", CNI_NETNS: path })).toMatchObject({ status: 0 });
    expect(JSON.parse(await host.sh("cat /var/lib/plexus/spool/c3@eth0.json"))).toMatchObject({ netnsKept: false });
    expect(await host.sh("ls /var/lib/plexus/spool")).not.toContain("c3@eth0.netns");
  });

  it("fails on a disk without room for the content, and leaves nothing", async () => {
    await host.sh("mkdir /mnt/full && mount -t tmpfs -o size=8k full /mnt/full");
    expect(await del("/mnt/full", "x".repeat(100_000))).toMatchObject(
      refusal("/mnt/full", "No space left on device, write"),
    );
    expect(await host.sh("ls -A /mnt/full")).toBe("");
    expect(await del("/mnt/full")).toMatchObject({ status: 0 });
  });

  it("fails on a disk without room for a file", async () => {
    await host.sh("mkdir /mnt/crowded && mount -t tmpfs -o nr_inodes=1 crowded /mnt/crowded");
    expect(await del("/mnt/crowded")).toMatchObject(refusal("/mnt/crowded", "ENOSPC: no space left on device, open"));
  });

  it("fails on a disk that is read-only", async () => {
    await host.sh("mkdir /mnt/fixed && mount -t tmpfs -o ro fixed /mnt/fixed");
    expect(await del("/mnt/fixed")).toMatchObject(refusal("/mnt/fixed", "EROFS: read-only file system, open"));
    expect(await del("/mnt/fixed/below")).toMatchObject(
      refusal("/mnt/fixed/below", "EROFS: read-only file system, mkdir"),
    );
  });
});
