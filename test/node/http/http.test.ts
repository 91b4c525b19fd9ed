/** The shipped daemon's doors beside gRPC: what a kubelet, a Prometheus and multus-dynamic-networks-controller get, with real plugins. */
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { here, type Host, makeHost } from "../host.ts";
import { BIN, makePlexus, MANIFESTS, type Plexus, podArgs, RECORDS } from "../plexus.ts";
import { curl, type Fetched } from "./curl.ts";

const METRICS = "9464";
const PROBES = "9465";
const MULTUS = "/run/multus/multus.sock";

const network = (name: string, bridge: string, subnet: string): object => ({
  cniVersion: "1.0.0",
  name,
  type: "bridge",
  bridge,
  ipam: { type: "host-local", ranges: [[{ subnet }]] },
  // Some plugins have such things in their confs.
  token: "s3cret",
});

const CONF = JSON.stringify({
  cniVersion: "1.0.0",
  name: "plexus",
  type: "plexus",
  delegates: [network("pods", "cni0", "10.91.0.0/24")],
});
const HOT = JSON.stringify(network("hot", "hot0", "10.92.0.0/24"));

/** Interfaces, leases and records; not bridges, which plugins leave. */
const LEFTOVERS = `
ip -o link | sed 's/@.*//' | awk '{print $2}' | grep -v -e '^lo' -e '^cni0' -e '^hot0' || true
find /var/lib/cni ${RECORDS} -type f ! -name last_reserved_ip.0 ! -name lock 2>/dev/null || true`;

describe.skipIf(process.getuid?.() !== 0)("the daemon's doors beside gRPC", () => {
  let host: Host;
  let plexus: Plexus;

  beforeAll(async () => {
    host = await makeHost();
    plexus = await makePlexus(host, {
      metricsPort: Number(METRICS),
      probePort: Number(PROBES),
      multusSocket: MULTUS,
      perNodeCertificate: { enabled: true, bootstrapKubeconfig: "/x", certDir: "/y" },
      enablePprof: true,
      logLevel: "trace",
    });
    await host.write(`${MANIFESTS}/pod.yaml`, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod\n");
    await plexus.start();
  });
  afterAll(async () => {
    await plexus.terminate();
    await host.stop();
  });
  beforeEach(async () => {
    await host.sh("ip netns add pod");
  });
  afterEach(async () => {
    await host.sh("ip netns delete pod");
  });

  const pod = (verb: string) =>
    plexus.cni({ verb, containerId: "abc", netns: "/run/netns/pod", args: podArgs("pod"), conf: CONF });

  /** As multus-dynamic-networks-controller asks. */
  function delegate(
    verb: string,
    { ifName = "net1", conf = HOT, containerId = "abc", netns = "/run/netns/pod" } = {},
  ): Promise<Fetched> {
    const env = {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: containerId,
      CNI_NETNS: netns,
      CNI_IFNAME: ifName,
      CNI_ARGS: podArgs("pod"),
    };
    const config = Buffer.from(conf).toString("base64");
    return curl(host, MULTUS, "/delegate", JSON.stringify({ env, config, interfaceAttributes: { "cni-args": null } }));
  }

  async function samples(start: string): Promise<readonly string[]> {
    const { status, body } = await curl(host, METRICS, "/metrics");
    expect(status).toBe(200);
    return body.split("\n").filter((line) => line.startsWith(start));
  }

  it("count one ADD as Multus does, and measure what it was made of (T295)", async () => {
    expect(await pod("ADD")).toMatchObject({ status: 0 });
    expect(await samples("multus_server_request_total")).toContain(
      'multus_server_request_total{handler="/cni",code="200",method="post"} 1',
    );
    expect(await samples("plexus_operations_total")).toEqual([
      'plexus_operations_total{verb="ADD",outcome="ok",code="0"} 1',
    ]);
    expect(await samples("plexus_network_duration_seconds_count")).toEqual([
      'plexus_network_duration_seconds_count{network="pods",verb="ADD",outcome="ok"} 1',
    ]);
    expect(await samples("plexus_plugin_max_rss_bytes")).toEqual([
      expect.stringMatching(/^plexus_plugin_max_rss_bytes\{plugin="bridge",verb="ADD"\} \d{6,}$/),
    ]);
    expect(await samples("plexus_journal_write_duration_seconds_count")).toEqual([
      'plexus_journal_write_duration_seconds_count{outcome="ok"} 2',
    ]);
    expect(await samples("plexus_journal_records")).toContain('plexus_journal_records{state="whole"} 1');
    expect(await pod("DEL")).toMatchObject({ status: 0 });
  });

  it("tell the kubelet that it lives, and is ready", async () => {
    expect(await curl(host, PROBES, "/livez")).toEqual({ status: 200, body: "alive\n" });
    expect(await curl(host, PROBES, "/readyz")).toEqual({ status: 200, body: "ready\n" });
    const page = await readFile(here("docs/operate.md"), "utf8");
    const conditions = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
    expect(await samples("plexus_ready")).toEqual(
      conditions.map((name) => `plexus_ready{condition="${String(name)}"} 1`),
    );
  });

  it("tell that nothing can be put on record, to everybody, and when that is over", async () => {
    await host.sh(`mount -t tmpfs -o ro none ${RECORDS}`);
    expect(await pod("ADD")).toMatchObject({ status: 1, json: { code: 5 } });
    const why = /journal: nothing can be put on record: cannot write in \/var\/lib\/plexus: EROFS/;
    expect(await curl(host, PROBES, "/readyz")).toEqual({ status: 500, body: expect.stringMatching(why) });
    expect(await curl(host, PROBES, "/livez")).toMatchObject({ status: 200 });
    expect(await samples("plexus_ready")).toContain('plexus_ready{condition="journal"} 0');
    const asked = { ...JSON.parse(CONF), cniVersion: "1.1.0" } as object;
    const status = () => plexus.cni({ verb: "STATUS", conf: JSON.stringify(asked) });
    expect(await status()).toMatchObject({ status: 1, json: { code: 50 } });
    await host.sh(`umount ${RECORDS}`);
    expect(await curl(host, PROBES, "/readyz")).toMatchObject({ status: 200 });
    expect(await status()).toMatchObject({ status: 0 });
    expect(await pod("DEL")).toMatchObject({ status: 0 });
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("plug a network into a running pod and out of it again", async () => {
    expect(await pod("ADD")).toMatchObject({ status: 0 });
    const added = await delegate("ADD");
    expect(added.status).toBe(200);
    expect(JSON.parse(added.body)).toMatchObject({
      Result: { cniVersion: "1.1.0", interfaces: [{}, {}, { name: "net1" }], ips: [{ address: "10.92.0.2/24" }] },
    });
    expect(await host.sh("ip -n pod -4 -o addr show dev net1")).toContain("10.92.0.2/24");
    expect(await delegate("CHECK")).toMatchObject({ status: 200, body: "" });
    expect(await delegate("DEL")).toMatchObject({ status: 200, body: "" });
    expect(await host.sh("ip -n pod -o link show")).not.toContain("net1");
    expect(await host.sh("ls /var/lib/cni/networks/hot")).not.toContain("10.92");
    expect(await host.sh("ip -n pod -4 -o addr show dev eth0")).toContain("10.91.0.");
    expect(await pod("DEL")).toMatchObject({ status: 0 });
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("leave nothing of what was plugged in when the pod goes, also across a crash", async () => {
    expect(await pod("ADD")).toMatchObject({ status: 0 });
    expect(await delegate("ADD")).toMatchObject({ status: 200 });
    expect(await delegate("ADD", { ifName: "net2" })).toMatchObject({ status: 200 });
    expect(await host.sh("ls /var/lib/cni/networks/hot")).toContain("10.92");
    await plexus.kill();
    await plexus.start();
    expect(await pod("DEL")).toMatchObject({ status: 0 });
    expect(await host.sh("ip -n pod -o link show")).not.toMatch(/net[12]|eth0/);
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("leave a pod alone when they are killed half-way through plugging something in, and take that away", async () => {
    // The second of two plugins never ends, so that the first one's work is half of it.
    await host.write(
      `${BIN}/endless`,
      '#!/bin/sh\n[ "$CNI_COMMAND" != ADD ] || { touch /run/half; exec sleep 300; }\n',
    );
    await host.sh(`chmod +x ${BIN}/endless`);
    const { cniVersion, name, ...bridge } = JSON.parse(HOT) as Record<string, unknown>;
    const half = JSON.stringify({ cniVersion, name, plugins: [bridge, { type: "endless" }] });
    expect(await pod("ADD")).toMatchObject({ status: 0 });
    const asked = delegate("ADD", { conf: half }).catch(() => "cut off");
    const leases = () => host.sh("ls /var/lib/cni/networks/hot");
    await expect.poll(leases).toContain("10.92");
    await expect.poll(() => host.sh("ls /run")).toContain("half");
    await plexus.kill();
    expect(await asked).toBe("cut off");
    await plexus.start();
    await expect.poll(leases, { timeout: 20_000 }).not.toContain("10.92");
    expect(await host.sh("ip -n pod -o link show")).not.toContain("net1");
    expect(await host.sh("ip -n pod -4 -o addr show dev eth0")).toContain("10.91.0.");
    expect(await pod("CHECK")).toMatchObject({ status: 0 });
    expect(await pod("DEL")).toMatchObject({ status: 0 });
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("tell a hot-plug that cannot be why, and leave nothing of it (T293)", async () => {
    expect(await pod("ADD")).toMatchObject({ status: 0 });
    const refused = await delegate("ADD", { ifName: "eth0" });
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 103, msg: expect.stringContaining("eth0") });
    for (const conf of ['{"name":"hot","type":"bridge","token":"s3cret"', '{"name":"hot","type":{"token":"s3cret"}}']) {
      expect(await delegate("ADD", { conf })).toMatchObject({ status: 400, body: expect.not.stringContaining("s3c") });
    }
    expect(await pod("DEL")).toMatchObject({ status: 0 });
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("say that they stop, finish what they began, and begin nothing new but DELs (T273)", async () => {
    await host.write(
      `${BIN}/patient`,
      "#!/bin/sh\ntouch /run/asked; until [ -e /run/go ]; do sleep 0.05; done; cat /run/answer\n",
    );
    await host.sh(`chmod +x ${BIN}/patient`);
    await host.write("/run/answer", '{"cniVersion":"1.0.0"}');
    expect(await pod("ADD")).toMatchObject({ status: 0 });
    const slow = delegate("ADD", { conf: '{"cniVersion":"1.0.0","name":"slow","type":"patient"}' });
    await expect.poll(() => host.sh("ls /run")).toContain("asked");
    const ended = plexus.terminate();
    await expect
      .poll(() => curl(host, PROBES, "/readyz"))
      .toEqual({ status: 500, body: expect.stringMatching(/^open: the daemon is stopping/) });
    expect(await curl(host, MULTUS, "/healthz")).toMatchObject({ status: 200 });
    const elsewhere = { containerId: "another", netns: "/run/netns/gone", ifName: "net2" };
    expect(await delegate("ADD", elsewhere)).toMatchObject({ status: 400, body: expect.stringContaining("stopping") });
    expect(await delegate("DEL", elsewhere)).toMatchObject({ status: 200 });
    await host.write("/run/go", "");
    expect(await slow).toMatchObject({ status: 200 });
    expect(await ended).toBe(0);
    await plexus.start();
    expect(await pod("DEL")).toMatchObject({ status: 0 });
    expect(await host.sh(LEFTOVERS)).toBe("");
  });

  it("say at start what Multus' settings do not do here (T296)", () => {
    const said = plexus.log.map(({ msg }) => String(msg)).join("\n");
    expect(said).toMatch(/settings that change nothing here: enablePprof/);
    expect(said).toMatch(/perNodeCertificate: .*docs\/operate\.md#the-daemons-credential/);
  });

  it("have written nothing of what is in confs into the log, whatever went wrong", () => {
    expect(JSON.stringify(plexus.log)).not.toContain("s3c");
  });
});
