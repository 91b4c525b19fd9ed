/** What becomes of the node when the disk that holds the records is full, cannot be written, or gives back something else than it was given. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { here, type Host, makeHost } from "../host.ts";
import { BIN, makePlexus, MANIFESTS, type Plexus, podArgs, RECORDS } from "../plexus.ts";

const DISK = "/var/lib/plexus";
const SCRIPTED = `${BIN}/hooked.d`;
const RECORD = `${RECORDS}/sandbox-victim.json`;

const FILL = `head -c 1000000 /dev/zero > ${DISK}/ballast 2>/dev/null || true`;

const bridge = (name: string, subnet: string): object => ({
  cniVersion: "1.0.0",
  name,
  type: "bridge",
  bridge: name,
  isGateway: true,
  ipam: { type: "host-local", ranges: [[{ subnet }]] },
});

const conf = JSON.stringify({
  cniVersion: "1.0.0",
  name: "plexus",
  type: "plexus",
  daemonWaitSeconds: 0,
  delegates: [bridge("cni0", "10.87.0.0/24")],
});

const nad = (name: string, config: object): string =>
  JSON.stringify({
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name },
    spec: { config: JSON.stringify(config) },
  });

const pod = (name: string, networks: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, annotations: { "k8s.v1.cni.cncf.io/networks": networks } },
  });

/** Everything that the victim could leave on the host, but for a damaged record. */
const TRACES = `
ip -n victim -o link | awk '{print $2}' | grep -v '^lo' || true
ip -o link | grep -c veth || true
grep -rl '^sandbox-victim' /var/lib/cni || true
find ${DISK} -mindepth 1 -name '*victim*' ! -name '*.bad-*' 2>/dev/null || true
find ${RECORDS} -name '.*.tmp'`;

/** The neighbour's two. */
const CLEAN = "2\n";

describe.skipIf(process.getuid?.() !== 0)("the disk that holds the records", () => {
  let host: Host;
  let plexus: Plexus;

  const cni = (verb: string, name: "victim" | "neighbour" | "newcomer" = "victim") =>
    plexus.cni({ verb, containerId: `sandbox-${name}`, netns: `/run/netns/${name}`, args: podArgs(name), conf });

  const evidence = async (): Promise<number> => Number(await host.sh(`ls -d ${RECORDS}/*.bad-* | wc -l`));

  const reports = (): number => plexus.log.filter(({ msg }) => String(msg).startsWith("a record is damaged")).length;

  beforeAll(async () => {
    host = await makeHost();
    await host.sh(`mkdir -p ${DISK} && mount -t tmpfs -o size=256k,mode=700 disk ${DISK}`);
    plexus = await makePlexus(host);
    await host.sh(`cp ${here("dist/test-plugins/scripted")} ${BIN}/hooked && mkdir ${SCRIPTED}`);
    const manifests = [
      pod("victim", "storage,hooked"),
      pod("neighbour", "storage"),
      pod("newcomer", ""),
      nad("storage", bridge("cni1", "10.88.0.0/24")),
      nad("hooked", { cniVersion: "1.0.0", type: "hooked" }),
    ];
    await host.write(`${MANIFESTS}/all.yaml`, manifests.join("\n---\n"));
    await plexus.start();
    await host.sh("for name in victim neighbour newcomer; do ip netns add $name; done");
    expect(await cni("ADD", "neighbour")).toMatchObject({ status: 0 });
  });

  afterEach(async () => {
    expect(await cni("CHECK", "neighbour")).toMatchObject({ status: 0, stdout: "" });
    expect(await cni("ADD", "newcomer")).toMatchObject({ status: 0 });
    expect(await cni("DEL", "newcomer")).toMatchObject({ status: 0 });
    expect(await host.sh(TRACES)).toBe(CLEAN);
  });

  afterAll(async () => {
    const { status } = await cni("DEL", "neighbour");
    const traces = await host.sh(TRACES);
    const ended = await plexus.terminate();
    await host.stop();
    expect([status, traces, ended]).toEqual([0, "0\n", 0]);
  });

  it.each([
    { fault: "full", begin: FILL, end: `rm ${DISK}/ballast` },
    { fault: "read-only", begin: `mount -o remount,ro ${DISK}`, end: `mount -o remount,rw ${DISK}` },
  ])("$fault, no ADD begins: nothing runs, and once it is over the ADD succeeds", async ({ begin, end }) => {
    await host.sh(begin);
    expect(await cni("ADD")).toMatchObject({ status: 1, json: { code: 5 } });
    await expect.poll(() => plexus.log.at(-1)).toMatchObject({ op: "ADD", code: 5, plugins: [] });
    expect(await host.sh(TRACES)).toBe(CLEAN);
    await host.sh(end);
    expect(await cni("ADD")).toMatchObject({ status: 0 });
    expect(await cni("DEL")).toMatchObject({ status: 0 });
  });

  it("full when everything is attached: the ADD fails and all of it is undone", async () => {
    await host.write(`${SCRIPTED}/ADD`, `${FILL}\necho '{"cniVersion":"1.0.0"}'`);
    expect(await cni("ADD")).toMatchObject({
      status: 1,
      json: { code: 5, msg: expect.stringContaining("ENOSPC") as string },
    });
    expect(await host.sh(TRACES)).toBe(CLEAN);
    await host.sh(`rm ${SCRIPTED}/ADD ${DISK}/ballast`);
  });

  it("full, DEL succeeds all the same: a record is removed, not written", async () => {
    expect(await cni("ADD")).toMatchObject({ status: 0 });
    await host.sh(FILL);
    expect(await cni("DEL")).toMatchObject({ status: 0, stdout: "" });
    expect(await host.sh(TRACES)).toBe(CLEAN);
    await host.sh(`rm ${DISK}/ballast`);
  });

  it("full, what a plugin cannot take away stays on record as it was", async () => {
    expect(await cni("ADD")).toMatchObject({ status: 0 });
    await host.write(`${SCRIPTED}/DEL`, "exit 1");
    await host.sh(FILL);
    expect(await cni("DEL")).toMatchObject({ status: 1 });
    await host.sh(`test -s ${RECORD} && rm ${SCRIPTED}/DEL ${DISK}/ballast`);
    expect(await cni("DEL")).toMatchObject({ status: 0 });
  });

  it("read-only, DEL takes everything away, fails as it cannot say so, and succeeds once it is over", async () => {
    expect(await cni("ADD")).toMatchObject({ status: 0 });
    await host.sh(`mount -o remount,ro ${DISK}`);
    expect(await cni("DEL")).toMatchObject({ status: 1, json: { code: 5 } });
    expect(await host.sh("ip -n victim -o link | wc -l")).toBe("1\n");
    await host.sh(`mount -o remount,rw ${DISK}`);
    expect(await cni("DEL")).toMatchObject({ status: 0, stdout: "" });
  });

  it.each([
    { why: "cut short", damage: `truncate -s 100 ${RECORD}` },
    { why: "one bit off", damage: `sed -i s/10.88.0.0/10.89.0.0/ ${RECORD}` },
    { why: "a directory", damage: `rm ${RECORD} && mkdir ${RECORD}` },
  ])(
    "gives back a record that is $why: it is set aside, told of once, and DEL takes everything away (T073)",
    async ({ damage }) => {
      const before = { evidence: await evidence(), reports: reports() };
      expect(await cni("ADD")).toMatchObject({ status: 0 });
      await host.sh(damage);
      expect(await cni("CHECK")).toMatchObject({ status: 1, json: { code: 3 } });
      expect(await cni("CHECK", "neighbour")).toMatchObject({ status: 0 });
      expect(await cni("DEL")).toMatchObject({ status: 0, stdout: "" });
      expect(await host.sh(TRACES)).toBe(CLEAN);
      expect(await cni("DEL")).toMatchObject({ status: 0, stdout: "" });
      expect(await evidence()).toBe(before.evidence + 1);
      await expect.poll(reports).toBe(before.reports + 1);
    },
  );

  it("gives back a damaged record on a full disk: DEL takes everything away", async () => {
    expect(await cni("ADD")).toMatchObject({ status: 0 });
    await host.sh(`truncate -s 100 ${RECORD} && ${FILL}`);
    expect(await cni("DEL")).toMatchObject({ status: 0, stdout: "" });
    expect(await host.sh(TRACES)).toBe(CLEAN);
    await host.sh(`rm ${DISK}/ballast`);
  });

  it("damaged a record while the daemon was down: it starts, and DEL takes everything away", async () => {
    expect(await cni("ADD")).toMatchObject({ status: 0 });
    await plexus.kill();
    await host.sh(`truncate -s 100 ${RECORD}`);
    await plexus.start();
    expect(await cni("DEL")).toMatchObject({ status: 0, stdout: "" });
  });
});
