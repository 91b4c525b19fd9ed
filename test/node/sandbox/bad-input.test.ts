/** Whatever is wrong with what the runtime, the pod, the network or the plugin gives: the right code, a message that helps, and nothing left. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { here, type Host, makeHost } from "../host.ts";
import { BIN, type CniCall, makePlexus, MANIFESTS, type Plexus, podArgs, RECORDS } from "../plexus.ts";

const NETNS = "/run/netns/pod";
const SCRIPTED = `${BIN}/second.d`;

const BRIDGE = {
  cniVersion: "1.0.0",
  name: "pods",
  type: "bridge",
  bridge: "cni0",
  isGateway: true,
  ipam: { type: "host-local", ranges: [[{ subnet: "10.85.0.0/24" }]] },
};

const conf = (more: object = {}): string =>
  JSON.stringify({
    cniVersion: "1.0.0",
    name: "plexus",
    type: "plexus",
    daemonWaitSeconds: 0,
    delegates: [BRIDGE],
    ...more,
  });

const nad = (name: string, config: string): string =>
  JSON.stringify({
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name },
    spec: { config },
  });

const pod = (name: string, networks: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, annotations: { "k8s.v1.cni.cncf.io/networks": networks } },
  });

const SECOND = '{"cniVersion":"1.0.0","type":"second"}';

/** Everything that a sandbox could leave on the host. */
const TRACES = `
ip -o link | sed 's/@.*//' | awk '{print $2}' | grep -v -e '^lo' -e '^cni0' || true
ip -n pod -o link | awk '{print $2}' | grep -v -e '^lo' -e '^occupied' || true
find /var/lib/cni ${RECORDS} -type f ! -name last_reserved_ip.0 ! -name lock 2>/dev/null || true
ls /run/plexus | grep -v -e '^plexus.sock$' -e '^plexus-operator.sock$' || true
ps -eo args | grep '[s]leep 98765' || true`;

describe.skipIf(process.getuid?.() !== 0)("bad input", () => {
  let host: Host;
  let plexus: Plexus;

  beforeAll(async () => {
    host = await makeHost();
    // The limit ends the plugin that hangs. On a busy machine the others need more than half a second.
    plexus = await makePlexus(host, { pluginTimeoutMs: 5_000, maxPluginOutputBytes: 1_000_000 });
    await host.sh(
      `cp ${here("dist/test-plugins/scripted")} ${BIN}/second && mkdir ${SCRIPTED} && echo notexecutable > ${BIN}/textfile`,
    );
    const manifests = [
      pod("plain", ""),
      pod("two", "second"),
      pod("unknown", "nowhere/missing"),
      pod("unreadable", "a/b/c"),
      pod("taken", "second@occupied0"),
      pod("clash", "second@net9,second@net9"),
      pod("absent", "absent"),
      pod("text", "text"),
      pod("broken", "broken"),
      nad("second", SECOND),
      nad("absent", '{"cniVersion":"1.0.0","type":"no-such-plugin"}'),
      nad("text", '{"cniVersion":"1.0.0","type":"textfile"}'),
      nad("broken", "{"),
    ];
    await host.write(`${MANIFESTS}/all.yaml`, manifests.join("\n---\n"));
    await plexus.start();
    await host.sh("ip netns add pod && ip -n pod link add occupied0 type veth peer name occupied1");
    await host.sh("touch /run/file && ip netns attach self $$");
  });

  beforeEach(async () => {
    await host.sh(`rm -f ${SCRIPTED}/ADD* ${SCRIPTED}/DEL*`);
  });

  afterAll(async () => {
    await plexus.terminate();
    await host.stop();
  });

  const add = (podName: string, more: Partial<CniCall> = {}): CniCall => ({
    verb: "ADD",
    containerId: `sandbox-${podName}`,
    netns: NETNS,
    args: podArgs(podName),
    conf: conf(),
    ...more,
  });

  it("first of all, a good pod is attached and deleted", async () => {
    expect(await plexus.cni(add("two"))).toMatchObject({ status: 0, json: { cniVersion: "1.0.0" } });
    expect(await plexus.cni({ ...add("two"), verb: "DEL" })).toMatchObject({ status: 0, stdout: "" });
    expect(await host.sh(TRACES)).toBe("");
  });

  it.each<{ why: string; call: CniCall; code: number; says: string }>([
    {
      why: "no CNI_NETNS and no CNI_PATH (T003)",
      call: add("plain", { env: { CNI_NETNS: "", CNI_PATH: "" } }),
      code: 4,
      says: "CNI_NETNS,CNI_PATH",
    },
    {
      why: "an unknown CNI_COMMAND",
      call: add("plain", { env: { CNI_COMMAND: "FROB" } }),
      code: 4,
      says: "unknown CNI_COMMAND: FROB",
    },
    {
      why: "a container id that could be a path",
      call: add("plain", { env: { CNI_CONTAINERID: "../x" } }),
      code: 4,
      says: "invalid characters in containerID",
    },
    {
      why: "an interface name of 16 bytes (T004)",
      call: add("plain", { ifName: "sixteen-bytes-xx" }),
      code: 4,
      says: "interface name is too long",
    },
    { why: "stdin that is not JSON (T027)", call: add("plain", { conf: "{" }), code: 6, says: "network config" },
    { why: "no name (T005)", call: add("plain", { conf: "{}" }), code: 7, says: "missing network name" },
    {
      why: "an unknown cniVersion (T006)",
      call: add("plain", { conf: conf({ cniVersion: "2.0.0" }) }),
      code: 1,
      says: "incompatible CNI versions",
    },
    {
      why: "no default network (T110)",
      call: add("plain", { conf: conf({ delegates: [] }) }),
      code: 7,
      says: "at least one delegate",
    },
    {
      why: "a network that does not exist (T145)",
      call: add("unknown"),
      code: 100,
      says: "[default/unknown/]: cannot find a network-attachment-definition (missing) in namespace (nowhere)",
    },
    {
      why: "an annotation that cannot be read (T131)",
      call: add("unreadable"),
      code: 7,
      says: "[default/unreadable/]:",
    },
    { why: "two networks with one interface", call: add("clash"), code: 103, says: "net9" },
    { why: "a NAD whose config is not JSON", call: add("broken"), code: 6, says: 'network "default/broken"' },
    { why: "a pod that nobody knows", call: add("stranger"), code: 11, says: "pod default/stranger is not known" },
    {
      why: "a netns that does not exist (T025)",
      call: add("plain", { netns: "/run/netns/none" }),
      code: 8,
      says: "no net namespace /run/netns/none found",
    },
    {
      why: "a netns that is a file",
      call: add("plain", { netns: "/run/file" }),
      code: 8,
      says: "is not a network namespace",
    },
    {
      why: "the host's own netns, by another name (T011)",
      call: add("plain", { netns: "/run/netns/self" }),
      code: 8,
      says: "should not be the same",
    },
    {
      why: "an interface that is there already (T026)",
      call: add("taken"),
      code: 103,
      says: "interface name occupied0 already exists",
    },
    { why: "a plugin that is not installed", call: add("absent"), code: 104, says: "no-such-plugin" },
    { why: "a plugin that cannot be executed", call: add("text"), code: 104, says: "textfile" },
  ])("$why", async ({ call, code, says }) => {
    const answer = await plexus.cni(call);
    expect(answer.status).toBe(1);
    expect(answer.json).toMatchObject({ code, msg: expect.stringContaining(says) as string });
    expect(await host.sh(TRACES)).toBe("");
  });

  it.each([
    {
      why: "exits with a CNI error of its own",
      script: `echo '{"code":42,"msg":"range full"}'; exit 1`,
      code: 42,
      says: "range full",
    },
    { why: "exits without a word", script: "exit 3", code: 106, says: "exit status 3" },
    { why: "complains on stderr only", script: "echo panic >&2; exit 2", code: 106, says: "panic" },
    { why: "prints garbage and exits well", script: "printf 'not { json'", code: 6, says: "result" },
    { why: "prints nothing and exits well", script: "true", code: 6, says: "result" },
    {
      why: "prints ten megabytes",
      script: "head -c 10000000 /dev/zero | tr '\\0' x",
      code: 106,
      says: "more than 1000000 bytes",
    },
    { why: "dies of a signal", script: "kill -9 $$", code: 106, says: "signal 9" },
    { why: "hangs, with a child of its own", script: "sleep 98765 & sleep 98765", code: 105, says: "second" },
    {
      why: "leaves a grandchild that keeps its pipes, and fails",
      script: "sleep 3 & exit 1",
      code: 106,
      says: "exit status 1",
    },
    {
      why: "makes its interface and then fails",
      script: "ip -n pod link add net1 type veth peer name net1peer; exit 1",
      code: 106,
      says: "exit status 1",
    },
  ])("a plugin that $why is undone, and the default network too", async ({ script, code, says }) => {
    await host.write(`${SCRIPTED}/ADD`, script);
    await host.write(`${SCRIPTED}/DEL`, "ip -n pod link del net1 2>/dev/null || true");
    const answer = await plexus.cni(add("two"));
    expect(answer.status).toBe(1);
    expect(answer.json).toMatchObject({
      code,
      msg: expect.stringMatching(/^\[default\/two\/:second\]: error adding container to network "second"/) as string,
      details: expect.stringContaining("interface net1") as string,
    });
    expect(answer.json["msg"]).toContain(says);
    expect(await host.sh(TRACES)).toBe("");
  });

  it("no daemon: try again later, at once when asked not to wait", async () => {
    await plexus.terminate();
    const answer = await plexus.cni(add("plain"));
    expect(answer).toMatchObject({ status: 1, json: { code: 11 } });
    await plexus.start();
  });
});
