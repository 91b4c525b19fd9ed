/** The conf by which a runtime finds the daemon, as the shipped daemon keeps it beside everything else that happens in that directory. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Host, makeHost } from "../host.ts";
import { makePlexus, type Plexus, podArgs, MANIFESTS } from "../plexus.ts";

const DIR = "/etc/cni/net.d";
const OURS = `${DIR}/00-plexus.conf`;
const PRIMARY = `${DIR}/10-pods.conflist`;

const primary = (...capabilities: readonly string[]): string =>
  JSON.stringify({
    cniVersion: "1.0.0",
    name: "pods",
    plugins: [
      {
        type: "bridge",
        bridge: "cni0",
        ipam: { type: "host-local", ranges: [[{ subnet: "10.84.0.0/24" }]] },
        capabilities: Object.fromEntries(capabilities.map((name) => [name, true])),
      },
    ],
  });

describe.skipIf(process.getuid?.() !== 0)("the runtime's conf", () => {
  let host: Host;
  let plexus: Plexus;

  beforeAll(async () => {
    host = await makeHost();
    // Whatever confs the machine itself has.
    await host.sh(`mkdir -p ${DIR} && mount -t tmpfs confs ${DIR}`);
    plexus = await makePlexus(host, { multusConfigFile: "auto", probePort: 9100 });
    await host.write(`${MANIFESTS}/pod.yaml`, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod\n");
  });
  afterAll(async () => {
    await plexus.terminate();
    await host.stop();
  });

  const read = async (path: string): Promise<string> => (await host.run(["cat", path])).stdout;

  /** Our conf, as soon as it has this in it. */
  async function oursWith(text: string): Promise<string> {
    const deadline = AbortSignal.timeout(20_000);
    let ours = await read(OURS);
    while (!ours.includes(text) && !deadline.aborted) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      ours = await read(OURS);
    }
    expect(ours).toContain(text);
    return ours;
  }

  /** What the daemon says of it from now on, as soon as that has this in it. */
  async function warned(text: string): Promise<void> {
    const deadline = AbortSignal.timeout(20_000);
    const said = (): boolean => plexus.log.some(({ op, msg }) => op === "CONF" && String(msg).includes(text));
    while (!said() && !deadline.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(plexus.log.filter(({ op }) => op === "CONF").map(({ msg }) => msg)).toContainEqual(
      expect.stringContaining(text),
    );
  }

  /** What /readyz says, as soon as that has this in it. */
  async function readyz(text: string): Promise<void> {
    const ask = `fetch("http://127.0.0.1:9100/readyz").then((reply) => reply.text()).then((text) => process.stdout.write(text))`;
    const deadline = AbortSignal.timeout(20_000);
    let said: string;
    do said = (await host.run([process.execPath, "-e", ask])).stdout;
    while (!said.includes(text) && !deadline.aborted);
    expect(said).toContain(text);
  }

  it("waits for a default network that is not Plexus itself, and says so (T290)", async () => {
    await host.write(`${DIR}/05-nested.conf`, '{"name":"x","type":"meta","delegate":{"type":"multus-shim"}}');
    await plexus.start();
    await warned("05-nested.conf leads to a plugin of type multus-shim, and so to Plexus itself");
    await readyz("runtime-conf: there is no CNI conf of the default network in /etc/cni/net.d yet");
    expect(await host.sh(`ls ${DIR}`)).toBe("05-nested.conf\n");
  });

  it("is there when there is one, for root alone, and the runtime can use it (T280, T281)", async () => {
    await host.write(PRIMARY, primary("ips"));
    const conf = await oursWith("10-pods.conflist");
    expect(JSON.parse(conf)).toEqual({
      cniVersion: "1.0.0",
      name: "plexus",
      type: "plexus",
      capabilities: { ips: true },
      clusterNetwork: PRIMARY,
    });
    expect(await host.sh(`stat -c %a ${OURS}`)).toBe("600\n");
    await host.sh("ip netns add pod");
    const call = { containerId: "c1", netns: "/run/netns/pod", args: podArgs("pod"), conf };
    expect(await plexus.cni({ verb: "ADD", ...call })).toMatchObject({ status: 0, json: { ips: [{}] } });
    expect(await plexus.cni({ verb: "DEL", ...call })).toMatchObject({ status: 0 });
  });

  it("is written only when the daemon serves", async () => {
    await plexus.terminate();
    await host.sh(`rm ${OURS}`);
    await plexus.start();
    await oursWith("10-pods.conflist");
    await readyz("ready");
    const [socket, conf] = (await host.sh(`stat -c %.9Z /run/plexus/plexus.sock ${OURS}`)).split("\n").map(Number);
    expect(conf).toBeGreaterThan(socket ?? Infinity);
  });

  it("follows the default network, written in place or renamed into it (T283, T287)", async () => {
    await host.sh(`cat > ${PRIMARY} <<'END'\n${primary("bandwidth")}\nEND`);
    await oursWith('"bandwidth": true');
    await host.write(PRIMARY, primary("mac"));
    await oursWith('"mac": true');
  });

  it("stays while the default network's conf is half-written (T286)", async () => {
    const before = await read(OURS);
    await host.sh(`printf '{"cniVersion"' > ${PRIMARY}`);
    await warned("10-pods.conflist cannot be used for the default network");
    expect(await read(OURS)).toBe(before);
    await host.write(PRIMARY, primary("portMappings"));
    await oursWith('"portMappings": true');
  });

  it("is put back when it is removed, changed or renamed, and Cilium is told apart", async () => {
    const before = await read(OURS);
    await host.sh(`rm ${OURS}`);
    expect(await oursWith("10-pods.conflist")).toBe(before);
    await host.sh(`echo '{}' > ${OURS}`);
    expect(await oursWith("10-pods.conflist")).toBe(before);
    await host.sh(`mv ${OURS} ${OURS}.cilium_bak`);
    expect(await oursWith("10-pods.conflist")).toBe(before);
    await warned(
      "Cilium renamed 00-plexus.conf to 00-plexus.conf.cilium_bak: set its Helm value cni.exclusive to false",
    );
  });

  it("is told of when another comes before it", async () => {
    await host.write(`${DIR}/00-multus.conf`, '{"name":"multus-cni-network","type":"multus-shim"}');
    await warned("the runtime uses /etc/cni/net.d/00-multus.conf, which comes before 00-plexus.conf");
    await readyz("the runtime uses /etc/cni/net.d/00-multus.conf");
    await host.sh(`rm ${DIR}/00-multus.conf`);
  });

  it("stays when the daemon stops and when it is killed, and the next one leaves it as it is (T273)", async () => {
    const before = await host.sh(`stat -c '%i %Z' ${OURS}`);
    expect(await plexus.terminate()).toBe(0);
    expect(await host.sh(`stat -c '%i %Z' ${OURS}`)).toBe(before);
    await plexus.start();
    await plexus.kill();
    expect(await host.sh(`stat -c '%i %Z' ${OURS}`)).toBe(before);
    await plexus.start();
    await host.write(PRIMARY, primary("dns"));
    await oursWith('"dns": true');
    expect(await host.sh(`ls -A ${DIR} | grep -v cilium_bak`)).toBe(
      "00-plexus.conf\n05-nested.conf\n10-pods.conflist\n",
    );
  });
});
